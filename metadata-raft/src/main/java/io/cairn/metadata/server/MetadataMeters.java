package io.cairn.metadata.server;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.ratis.MemberStatus;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/** What a metadata server measures. */
final class MetadataMeters {
  private final MeterRegistry registry;
  private final Timer snapshots;
  private final Counter damages;
  private final AtomicLong snapshotNanos = new AtomicLong(Long.MIN_VALUE);
  private final AtomicLong snapshotSizeBytes = new AtomicLong();

  MetadataMeters(MeterRegistry registry) {
    this.registry = registry;
    snapshots =
        Timer.builder("cairn.metadata.snapshots")
            .description("Snapshots written, and the time that they took")
            .register(registry);
    damages =
        Counter.builder("cairn.metadata.damages")
            .description("Files of the server that were not what was written to them")
            .register(registry);
  }

  void damage() {
    damages.increment();
  }

  /**
   * Adds the gauges that show a member's status, asked anew at each scrape.
   *
   * @param status null while the member is not running.
   */
  void show(Supplier<MemberStatus> status) {
    gauge(status, "leader", "1 on the server that leads", s -> s.leading() ? 1 : 0);
    gauge(status, "leader.known", "1 while some server leads", s -> s.leaderKnown() ? 1 : 0);
    gauge(status, "term", "Raft's term", MemberStatus::term);
    gauge(status, "applied.index", "Last log entry in the state", MemberStatus::appliedIndex);
    gauge(status, "snapshot.index", "Log entry of the last snapshot", MemberStatus::snapshotIndex);
    gauge(status, "nodes.up", "Storage nodes heard of; on the leader", MemberStatus::nodesUp);
    gauge(status, "nodes.down", "Silent storage nodes; on the leader", MemberStatus::nodesDown);
    Gauge.builder("cairn.metadata.snapshot.age", this, MetadataMeters::snapshotAgeSeconds)
        .description("Time since this process wrote a snapshot; not a number before the first")
        .baseUnit("seconds")
        .register(registry);
    Gauge.builder("cairn.metadata.snapshot.size", snapshotSizeBytes, AtomicLong::get)
        .description("Length of the last snapshot that this process wrote")
        .baseUnit("bytes")
        .register(registry);
  }

  private void gauge(
      Supplier<MemberStatus> status,
      String name,
      String description,
      ToDoubleFunction<MemberStatus> value) {
    Gauge.builder(
            "cairn.metadata." + name,
            () -> {
              MemberStatus now = status.get();
              return now == null ? Double.NaN : value.applyAsDouble(now);
            })
        .description(description)
        .register(registry);
  }

  private double snapshotAgeSeconds() {
    long written = snapshotNanos.get();
    return written == Long.MIN_VALUE ? Double.NaN : (System.nanoTime() - written) / 1e9;
  }

  void command(Command command, Reply reply, long nanos) {
    Timer.builder("cairn.metadata.commands")
        .description("Commands applied, and the time that deciding and applying them took")
        .tag("command", command.getClass().getSimpleName())
        .tag("outcome", outcome(reply))
        .register(registry)
        .record(nanos, TimeUnit.NANOSECONDS);
  }

  private static String outcome(Reply reply) {
    return reply instanceof Reply.Refused refused
        ? refused.code().name().toLowerCase(Locale.ROOT)
        : "done";
  }

  void query(Query query, long nanos) {
    Timer.builder("cairn.metadata.queries")
        .description("Queries answered, and the time that the answers took")
        .tag("query", query.getClass().getSimpleName())
        .register(registry)
        .record(nanos, TimeUnit.NANOSECONDS);
  }

  void snapshot(long sizeBytes, long nanos) {
    snapshotNanos.set(System.nanoTime());
    snapshotSizeBytes.set(sizeBytes);
    snapshots.record(nanos, TimeUnit.NANOSECONDS);
  }
}
