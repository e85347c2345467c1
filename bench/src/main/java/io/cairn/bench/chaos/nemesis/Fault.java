package io.cairn.bench.chaos.nemesis;

import io.cairn.client.cli.Role;
import java.util.Set;
import java.util.function.BooleanSupplier;

/** One thing that happens and is undone again. */
final class Fault {
  /** What is done at its begin and at its end. */
  interface Act {
    void play();
  }

  private final FaultKind kind;
  private final String victim;
  private final Set<Role> roles;
  private final long lengthNanos;
  private final Act begin;
  private final Act end;
  private final BooleanSupplier done;
  private long beginNanos;
  private long endNanos = Long.MAX_VALUE;
  private double worstSilenceSeconds;

  /**
   * A fault to come.
   *
   * @param victim whom it hits, for people.
   * @param roles what is not whole under it: others of the same role are left alone meanwhile.
   */
  Fault(FaultKind kind, String victim, Set<Role> roles, long lengthNanos, Act begin, Act end) {
    this(kind, victim, roles, lengthNanos, begin, end, () -> true);
  }

  /**
   * One that lasts until something else has happened, too.
   *
   * @param done whether it has.
   */
  Fault(
      FaultKind kind,
      String victim,
      Set<Role> roles,
      long lengthNanos,
      Act begin,
      Act end,
      BooleanSupplier done) {
    this.kind = kind;
    this.victim = victim;
    this.roles = Set.copyOf(roles);
    this.lengthNanos = lengthNanos;
    this.begin = begin;
    this.end = end;
    this.done = done;
  }

  FaultKind kind() {
    return kind;
  }

  Set<Role> roles() {
    return roles;
  }

  /** Such as "kill storage-1". */
  String text() {
    return kind.argument() + " " + victim;
  }

  void begin(long nowNanos) {
    beginNanos = nowNanos;
    begin.play();
  }

  boolean isDue(long nowNanos) {
    return nowNanos - beginNanos >= lengthNanos && done.getAsBoolean();
  }

  void end(long nowNanos) {
    end.play();
    endNanos = nowNanos;
  }

  long beginNanos() {
    return beginNanos;
  }

  /** Long.MAX_VALUE while it lasts. */
  long endNanos() {
    return endNanos;
  }

  /** For so long no request of some volume was answered while it lasted, or just after it. */
  void observeSilence(double seconds) {
    worstSilenceSeconds = Math.max(worstSilenceSeconds, seconds);
  }

  double worstSilenceSeconds() {
    return worstSilenceSeconds;
  }
}
