package io.cairn.storage.journal;

import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.device.OutOfSpaceException;
import java.io.IOException;

/**
 * Decides when a shard destages, and brings what a run of the {@link Destager} moved back to the
 * live index. On the shard's loop; the runs are elsewhere, one at a time.
 *
 * <pre>
 * RESTING --above the upper watermark, room or space wanted--> RUNNING
 * RUNNING --run ends, above the lower watermark--> RUNNING
 * RUNNING --run ends at or below it--> RESTING
 * RUNNING --capacity tier full--> WAITING --after the retry time--> RUNNING
 * </pre>
 */
final class Destaging {
  private static final int EVICT_CHUNKS = 16;

  /**
   * Part of the journal, in percent, above which a run is as important as the requests: below, it
   * takes what time they leave.
   */
  private static final int URGENT_ABOVE = 75;

  /** The store, as destaging sees it; on the loop. */
  interface Host {
    /** Whether runs may begin. */
    boolean takesPart();

    /** Whether results are to be dropped. */
    boolean isClosed();

    /** The journal has room, or will have none: who waits for it may look again. */
    void onRoom();

    /** The journal began a new segment, whose first record is to be synced. */
    void onRolled();

    /** The journal's memory does not take its bytes. */
    void onMemoryFailed(InternalError problem);

    /** The shard cannot go on. */
    void onFailed(String reason);

    /** Work of another thread has ended. */
    void onIdle();
  }

  private final Journal journal;
  private final ShardIndex index;
  private final Destager destager;
  private final StoreLoop loop;
  private final StoreSettings settings;
  private final StoreCounters counters;
  private final Host host;

  /** What goes to the trash up to here is destaged although there is room, to give space back. */
  private long flushLsn;

  private boolean roomWanted;
  private boolean underWay;
  private boolean draining;
  private boolean retryArmed;

  /** Which device had no room at the last try to destage, as the system says; null if both had. */
  private String fullReason;

  Destaging(
      Journal journal,
      ShardIndex index,
      Destager destager,
      StoreLoop loop,
      StoreSettings settings,
      StoreCounters counters,
      Host host) {
    this.journal = journal;
    this.index = index;
    this.destager = destager;
    this.loop = loop;
    this.settings = settings;
    this.counters = counters;
    this.host = host;
  }

  /** Whether another thread works on it. */
  boolean isUnderWay() {
    return underWay;
  }

  /** Which device has no room, for people; null when both have. */
  String fullReason() {
    return fullReason;
  }

  /** What is before the position is destaged soon, whatever the watermarks say. */
  void flush(long lsn) {
    flushLsn = lsn;
  }

  /** Somebody waits for room in the journal. */
  void wantRoom() {
    roomWanted = true;
    beginIfNeeded();
  }

  /** The journal has grown, or more of it is durable. */
  void beginIfNeeded() {
    long percent = usedPercent();
    boolean flushing = flushLsn > journal.tailLsn();
    if (percent >= settings.destageAbove() || roomWanted || flushing) {
      draining = true;
    } else if (percent <= settings.destageBelow()) {
      draining = false;
    }
    if (!host.takesPart()) {
      return;
    }
    if (flushing && flushLsn > segmentStart(journal.headLsn())) {
      // Only whole segments are destaged; the record that opens the next one is synced soon.
      rollSegment();
    }
    if (draining && !underWay && !retryArmed) {
      begin();
    }
  }

  private long usedPercent() {
    return journal.usedBytes() * 100 / journal.capacityBytes();
  }

  private long segmentStart(long lsn) {
    return lsn / journal.segmentBytes() * journal.segmentBytes();
  }

  private void rollSegment() {
    try {
      if (journal.roll()) {
        host.onRolled();
      }
    } catch (InternalError e) {
      host.onMemoryFailed(e);
    }
  }

  private void begin() {
    long from = journal.tailLsn();
    long most = (from / journal.segmentBytes() + settings.destageSegmentsMax());
    long to = Math.min(journal.destageableLsn(), most * journal.segmentBytes());
    if (to <= from) {
      return;
    }
    underWay = true;
    Runnable run = () -> run(from, to);
    if (roomWanted || usedPercent() >= URGENT_ABOVE) {
      loop.offLoop(run);
    } else {
      loop.inBackground(run);
    }
  }

  /** On another thread. */
  private void run(long from, long to) {
    try {
      Destager.Outcome outcome = destager.run(from, to);
      loop.onLoop(() -> onMoved(outcome));
    } catch (OutOfSpaceException e) {
      loop.onLoop(() -> onStalled(e.getMessage()));
    } catch (IOException | RuntimeException | Error e) {
      loop.onLoop(() -> onRunFailed(e));
    }
  }

  private void onMoved(Destager.Outcome outcome) {
    underWay = false;
    if (host.isClosed()) {
      host.onIdle();
      return;
    }
    counters.destageRuns++;
    counters.destagedBlocks += outcome.blocks();
    counters.rottenBlocks += outcome.rottenBlocks();
    for (Catalogue.Stored stored : outcome.chunks()) {
      ChunkId id = stored.chunk();
      IndexedChunk chunk = index.find(id.volumeId(), id.layer(), id.index());
      if (chunk != null) {
        chunk.setStored(stored.pages());
      }
    }
    fullReason = null;
    journal.free(outcome.lsn());
    index.evictSome(EVICT_CHUNKS, settings.pagesMax(), journal.tailLsn());
    roomWanted = false;
    host.onRoom();
    beginIfNeeded();
  }

  private void onStalled(String reason) {
    underWay = false;
    counters.destageStalls++;
    host.onIdle();
    if (!host.isClosed()) {
      retryArmed = true;
      if (fullReason == null) {
        fullReason = reason;
        host.onRoom();
      }
      loop.later(
          settings.retryNanos(),
          () -> {
            retryArmed = false;
            beginIfNeeded();
          });
    }
  }

  private void onRunFailed(Throwable problem) {
    underWay = false;
    host.onFailed("destaging failed: " + problem);
    host.onIdle();
  }
}
