package io.cairn.storage.journal;

import io.cairn.storage.device.OutOfSpaceException;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.List;

/**
 * Decides when a shard destages, and brings what a run of the {@link Destager} moved back to the
 * live index. On the shard's loop; the runs are elsewhere, one at a time.
 *
 * <pre>
 * RESTING --above the upper watermark, room or space wanted, nothing appended for a
 *           while--> RUNNING
 * RUNNING --run ends, above the lower watermark--> RUNNING
 * RUNNING --run ends at or below it--> RESTING
 * RUNNING --capacity tier full--> WAITING --after the retry time--> RUNNING
 * </pre>
 */
final class Destaging {
  private static final int EVICT_CHUNKS = 16;

  /** Pages of a run that are compared with the live index in one turn of the loop. */
  private static final int PAGES_PER_TURN = 64;

  /** What reads a page of the catalogue may need so long. */
  private static final long LOADING_NANOS = 1_000_000L;

  /** Nothing was appended for so long: what there is to destage is, so that a burst finds room. */
  private static final long IDLE_NANOS = 2_000_000_000L;

  /**
   * How long a run may take, by what the runs before it took: the room that it makes comes at its
   * end.
   */
  private static final double RUN_NANOS = 1e9;

  /**
   * Blocks that are to leave the journal at once wait so long for others: each run ends a segment
   * of the ring, however little is in it.
   */
  private static final long THROUGH_NANOS = 50_000_000L;

  /** The store, as destaging sees it; on the loop. */
  interface Host extends StoreReads.Host {
    /** Whether runs may begin. */
    boolean takesPart();

    /** The journal has room, or will have none, or time has passed: who waits may look again. */
    void onRoom();

    /** The journal began a new segment, whose first record is to be synced. */
    void onRolled();

    /** The journal's memory does not take its bytes. */
    void onMemoryFailed(InternalError problem);
  }

  private final Journal journal;
  private final LiveIndex index;
  private final Destager destager;
  private final StoreLoop loop;
  private final StoreSettings settings;
  private final StoreCounters counters;
  private final Host host;

  /** What goes to the trash up to here is destaged although there is room, to give space back. */
  private long flushLsn;

  /** Whatever is appended is to be destaged soon. */
  private boolean keeping;

  /** Where the log ended when that began. */
  private long keptFromLsn;

  /** Up to here the log has blocks that are to leave it at once. */
  private long throughLsn;

  private boolean throughArmed;

  private boolean roomWanted;
  private boolean underWay;
  private boolean draining;
  private boolean retryArmed;
  private boolean paceArmed;
  private boolean idleArmed;
  private long idleLsn;

  /** Of the runs before; negative before the first. */
  private double nanosPerOp = -1;

  /** Pages of past runs whose changes before the tail are still in the live index. */
  private final ArrayDeque<Destager.Touched> unsettled = new ArrayDeque<>();

  private final Runnable settleSome = this::settleSome;
  private final WritePace pace;
  private final Runnable paceEnded = this::paceEnded;
  private final Runnable throughEnded = this::throughEnded;

  /** Which device had no room at the last try to destage, as the system says; null if both had. */
  private String fullReason;

  Destaging(
      Journal journal,
      LiveIndex index,
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
    this.pace = WritePace.ofRing(segmentCount(), journal.segmentBytes());
  }

  private int segmentCount() {
    return (int) (journal.capacityBytes() / journal.segmentBytes());
  }

  /** The journal has another size: watermarks and pace are parts of that one from now on. */
  void resized() {
    pace.resize(segmentCount(), journal.segmentBytes());
    if (host.takesPart()) {
      beginIfNeeded();
    }
  }

  /**
   * Whether writers may append now: with a journal that is nearly full they are slowed down to what
   * is destaged. When not, the host hears of room in a moment.
   */
  boolean admitsWrite() {
    long fill = fillBytes();
    if (!pace.isPaced(fill) || fullReason != null) {
      return true;
    }
    long now = loop.nowNanos();
    pace.sample(now, destagedBytes());
    if (pace.admits(fill, now)) {
      return true;
    }
    counters.pacedWrites++;
    if (!paceArmed) {
      paceArmed = true;
      loop.later(pace.waitNanos(), paceEnded);
    }
    beginIfNeeded();
    return false;
  }

  private void paceEnded() {
    paceArmed = false;
    if (!host.isClosed()) {
      host.onRoom();
    }
  }

  /** A record was appended. */
  void appended(int recordBytes) {
    pace.appended(recordBytes);
    if (keeping) {
      flush(journal.headLsn());
    }
  }

  /** What a run has moved is as good as free. */
  private long fillBytes() {
    return journal.usedBytes() - (underWay ? destager.progressBytes() : 0);
  }

  private long destagedBytes() {
    return journal.tailLsn() + (underWay ? destager.progressBytes() : 0);
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
    flushLsn = Math.max(flushLsn, lsn);
  }

  /**
   * All that the journal holds is destaged, and what is appended soon after it; or not any more.
   */
  void keepFlushed(boolean keep) {
    if (keep && !keeping) {
      keptFromLsn = journal.headLsn();
      flush(keptFromLsn);
    }
    keeping = keep;
    if (!keep) {
      flushLsn = Math.min(flushLsn, journal.tailLsn());
    }
    beginIfNeeded();
  }

  /** What the log holds now, or some of it, is to leave it at once. */
  void destageAtOnce() {
    throughLsn = journal.headLsn();
    if (!throughArmed) {
      throughArmed = true;
      loop.later(THROUGH_NANOS, throughEnded);
    }
  }

  private void throughEnded() {
    throughArmed = false;
    if (host.takesPart()) {
      flush(throughLsn);
      beginIfNeeded();
    }
  }

  boolean keepsFlushed() {
    return keeping;
  }

  /** What is left of what the journal held when that began; -1 when it has not. */
  long flushLeftBytes() {
    return keeping ? Math.max(0, keptFromLsn - journal.tailLsn()) : -1;
  }

  /** Whether something is left of what is to be destaged soon. */
  boolean isFlushing() {
    return flushLsn > journal.tailLsn();
  }

  /** Somebody waits for room in the journal. */
  void wantRoom() {
    roomWanted = true;
    beginIfNeeded();
  }

  /** The journal has grown, or more of it is durable. */
  void beginIfNeeded() {
    long percent = usedPercent();
    boolean flushing = isFlushing();
    if (percent >= settings.destageAbove() || roomWanted || flushing || pace.isPaced(fillBytes())) {
      draining = true;
    } else if (percent <= settings.destageBelow()) {
      draining = false;
    }
    if (!host.takesPart()) {
      return;
    }
    if (flushing && segmentStart(journal.headLsn()) <= journal.tailLsn()) {
      // Only whole segments are destaged, and there is none; the record that opens the next one is
      // synced soon. Not before, or each record would have a segment of its own.
      rollSegment();
    }
    if (underWay) {
      pace.sample(loop.nowNanos(), destagedBytes());
    } else if (draining && !retryArmed) {
      begin();
    } else if (!draining && !idleArmed && journal.destageableLsn() > journal.tailLsn()) {
      idleArmed = true;
      idleLsn = journal.headLsn();
      loop.later(IDLE_NANOS, this::idleEnded);
    }
  }

  /** Only whole segments are destaged, so that this comes to an end in a store without requests. */
  private void idleEnded() {
    idleArmed = false;
    if (!host.takesPart()) {
      return;
    }
    if (journal.headLsn() == idleLsn && !underWay && !retryArmed) {
      begin();
    } else {
      beginIfNeeded();
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
    long most = (from / journal.segmentBytes() + segmentsOfRun());
    long to = Math.min(journal.destageableLsn(), most * journal.segmentBytes());
    if (to <= from) {
      return;
    }
    setUnderWay(true);
    destager.forgetProgress();
    pace.begin(loop.nowNanos(), journal.tailLsn());
    long opsMax = opsOfRun();
    elsewhere(() -> prepare(from, to, opsMax));
  }

  /** A run that writers wait for is as important as they; others take what time is left. */
  private void elsewhere(Runnable work) {
    if (roomWanted || pace.isPaced(fillBytes()) || throughLsn > journal.tailLsn()) {
      loop.offLoop(work);
    } else {
      loop.inBackground(work);
    }
  }

  private void setUnderWay(boolean now) {
    underWay = now;
    counters.destagesRunning = now ? 1 : 0;
  }

  /**
   * Where writers are slowed down, half of the room that this happens in at most, since what a run
   * moves is not free before it ends.
   */
  private long segmentsOfRun() {
    long most = settings.destageSegmentsMax();
    return pace.isPaced(fillBytes())
        ? Math.clamp(pace.slowedBytes() / 2 / journal.segmentBytes(), 1, most)
        : most;
  }

  /** What the tier takes {@link #RUN_NANOS} for; a segment is moved in any case. */
  private long opsOfRun() {
    return nanosPerOp < 0 ? 1 : (long) (RUN_NANOS / Math.max(1, nanosPerOp));
  }

  /** Slower than thought is believed at once, as the next run may take all the longer. */
  private void learn(long ops, long tookNanos) {
    if (ops > 0) {
      double now = (double) tookNanos / ops;
      nanosPerOp = now > nanosPerOp ? now : (nanosPerOp + now) / 2;
    }
  }

  /** On another thread. */
  private void prepare(long from, long to, long opsMax) {
    try {
      Destager.Run run = destager.prepare(from, to, opsMax);
      loop.onLoop(() -> compare(run));
    } catch (RuntimeException | Error e) {
      loop.onLoop(() -> onRunFailed(e));
    }
  }

  /** What was written again since the part ended need not be moved; some pages in each turn. */
  private void compare(Destager.Run run) {
    if (host.isClosed()) {
      run.close();
      setUnderWay(false);
      host.onIdle();
    } else if (run.dropSuperseded(index, journal.durableLsn(), PAGES_PER_TURN)) {
      long beginNanos = loop.nowNanos();
      elsewhere(() -> move(run, beginNanos));
    } else {
      loop.onLoop(() -> compare(run));
    }
  }

  /** On another thread. */
  private void move(Destager.Run run, long beginNanos) {
    try {
      Destager.Outcome outcome = destager.move(run);
      loop.onLoop(() -> onMoved(outcome, beginNanos));
    } catch (OutOfSpaceException e) {
      loop.onLoop(() -> onStalled(e.getMessage()));
    } catch (IOException | RuntimeException | Error e) {
      loop.onLoop(() -> onRunFailed(e));
    }
  }

  private void onMoved(Destager.Outcome outcome, long beginNanos) {
    setUnderWay(false);
    learn(outcome.ops(), loop.nowNanos() - beginNanos);
    if (host.isClosed()) {
      host.onIdle();
      return;
    }
    counters.destageRuns++;
    counters.destagedBlocks += outcome.blocks();
    counters.mergedBlocks += outcome.mergedBlocks();
    counters.rottenBlocks += outcome.rottenBlocks();
    fullReason = null;
    journal.free(outcome.lsn());
    pace.end(loop.nowNanos(), journal.tailLsn());
    settle(outcome.touched());
    roomWanted = false;
    host.onRoom();
    beginIfNeeded();
  }

  /** What the catalogue has now is no change any more; some pages in each turn. */
  private void settle(List<Destager.Touched> pages) {
    boolean isIdle = unsettled.isEmpty();
    unsettled.addAll(pages);
    if (isIdle) {
      settleSome();
    }
  }

  private void settleSome() {
    if (host.isClosed()) {
      return;
    }
    int before = unsettled.size();
    for (int i = Math.min(PAGES_PER_TURN, before); i > 0; i--) {
      Destager.Touched page = unsettled.poll();
      if (!settle(page.chunk(), page.number())) {
        unsettled.add(page);
      }
    }
    index.evictSome(EVICT_CHUNKS, settings.pagesMax());
    if (unsettled.size() < before && !unsettled.isEmpty()) {
      loop.onLoop(settleSome);
    } else if (!unsettled.isEmpty()) {
      loop.later(LOADING_NANOS, settleSome);
    }
  }

  private boolean settle(IndexedChunk chunk, int page) {
    return chunk == null
        || chunk.gone
        || index.settle(chunk, page, journal.tailLsn(), settings.pagesMax());
  }

  private void onStalled(String reason) {
    setUnderWay(false);
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
    setUnderWay(false);
    host.onFailed("destaging failed: " + problem);
    host.onIdle();
  }
}
