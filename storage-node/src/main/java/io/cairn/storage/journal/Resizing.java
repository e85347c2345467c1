package io.cairn.storage.journal;

import io.cairn.storage.env.Region;
import java.io.IOException;
import java.util.List;

/**
 * Brings a journal to the size that it is to have, while it is in use. On the shard's loop; the
 * files are made and deleted elsewhere.
 *
 * <pre>
 * RESTING --fewer segments than wanted--> MAKING --made, or no room--> RESTING
 * RESTING --more than wanted, and some of these are free--> TAKING --taken--> RESTING
 * </pre>
 *
 * <p>Destaging and the pace of the writers go by the wanted size at once when a journal shrinks, so
 * segments come free as they do in a journal of that size; and by the size that there is while it
 * grows. What cannot be made is tried again when somebody asks for it after a while; until then the
 * journal keeps what it has.
 */
final class Resizing {
  /** Segments that are made at one time: the journal has the use of them before it has the rest. */
  private static final int MADE_MAX = 8;

  /** How long nobody tries again what has failed. */
  private static final long RETRY_NANOS = 30_000_000_000L;

  private final Journal journal;
  private final Destaging destaging;
  private final StoreLoop loop;
  private final Destaging.Host host;
  private SegmentSource source;
  private boolean underWay;
  private String problem;
  private long failedNanos;

  /** Whether the problem is what was asked for. */
  private boolean refused;

  Resizing(Journal journal, Destaging destaging, StoreLoop loop, Destaging.Host host) {
    this.journal = journal;
    this.destaging = destaging;
    this.loop = loop;
    this.host = host;
  }

  /**
   * So many segments there are to be; costs nothing when that is known already.
   *
   * @param count fewer than {@value Journal#SEGMENTS_MIN} are refused.
   */
  void become(int count, SegmentSource from) {
    source = from;
    if (count < Journal.SEGMENTS_MIN) {
      problem =
          "a journal has at least "
              + Journal.SEGMENTS_MIN
              + " segments of "
              + journal.segmentBytes()
              + " bytes each";
      refused = true;
    } else if (count != journal.wantedCount()) {
      journal.want(count);
      problem = null;
      refused = false;
      destaging.resized();
    } else if (problem != null && (refused || loop.nowNanos() - failedNanos >= RETRY_NANOS)) {
      problem = null;
      refused = false;
    }
    goOn();
  }

  /** Whether another thread works for it. */
  boolean isUnderWay() {
    return underWay;
  }

  /** Why the journal has not the size that it is to have, and will not for a while; or null. */
  String problem() {
    return problem;
  }

  /** Segments may have come free. */
  void goOn() {
    if (underWay || problem != null || source == null || !host.takesPart()) {
      return;
    }
    int missing = journal.wantedCount() - journal.segmentCount();
    if (missing > 0) {
      underWay = true;
      loop.offLoop(() -> make(Math.min(missing, MADE_MAX)));
    } else if (missing < 0) {
      takeSome();
    }
  }

  /** Off the loop. */
  private void make(int count) {
    try {
      List<Region> made = source.make(count);
      loop.onLoop(() -> ended(made, null));
    } catch (IOException | RuntimeException e) {
      loop.onLoop(() -> ended(List.of(), e));
    }
  }

  private void takeSome() {
    long leftoverEndLsn = journal.leftoverEndLsn();
    if (leftoverEndLsn > 0) {
      destaging.flush(leftoverEndLsn);
      destaging.beginIfNeeded();
      return;
    }
    List<Region> taken = journal.takeSurplus();
    if (!taken.isEmpty()) {
      underWay = true;
      loop.offLoop(() -> take(taken));
    }
  }

  /** Off the loop. */
  private void take(List<Region> taken) {
    try {
      source.take(taken);
      loop.onLoop(() -> ended(List.of(), null));
    } catch (IOException | RuntimeException e) {
      loop.onLoop(() -> ended(List.of(), e));
    }
  }

  /** Also when the store is closed: the journal closes what was made for it. */
  private void ended(List<Region> made, Exception failure) {
    underWay = false;
    journal.add(made);
    if (failure != null) {
      problem =
          "the journal has %d segments, not the %d that it is to have: %s"
              .formatted(journal.segmentCount(), journal.wantedCount(), failure.getMessage());
      failedNanos = loop.nowNanos();
      refused = false;
    }
    if (!made.isEmpty()) {
      destaging.resized();
      if (host.takesPart()) {
        host.onRoom();
      }
    }
    goOn();
    host.onIdle();
  }
}
