package io.cairn.client.volume;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ChunkScrub;
import io.cairn.metadata.model.VolumeScrub;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * Scrubs the chunks of a volume one after the other: those that an operator asked for, and those
 * whose last time is too long ago. What was found is reported in batches.
 */
final class Scrubs implements ChunkScrubbing.Listener {
  /** After which somebody looks what is due, whether or not something was to be expected. */
  private static final long LOOK_MILLIS = 3_600_000L;

  private static final long MILLI_NANOS = 1_000_000L;

  /** After a chunk could not be scrubbed, or a report was not taken. */
  private static final long RETRY_NANOS = 1_000_000_000L;

  /** How long a chunk may take to become ready for it. */
  private static final long READY_NANOS = 5_000_000_000L;

  private static final long READY_CHECK_NANOS = 20_000_000L;

  /** Chunks in one report. */
  private static final int REPORT_MAX = 64;

  private static final long REPORT_NANOS = 10_000_000_000L;

  private final VolumeSession session;
  private final ScrubSettings settings;
  private final long startMillis;
  private final ArrayDeque<OwnedChunk> due = new ArrayDeque<>();
  private final List<Command.ReportScrubs.Finding> findings = new ArrayList<>();
  private ChunkScrubbing current;
  private long currentNanos;
  private long lookNanos = Long.MIN_VALUE;
  private long stepNanos = Long.MIN_VALUE;
  private long reportNanos = Long.MAX_VALUE;
  private long knownRequest;
  private long doneRequest;
  private boolean reporting;

  Scrubs(VolumeSession session, ScrubSettings settings) {
    this.session = session;
    this.settings = settings;
    startMillis = settings.clockMillis().getAsLong();
  }

  private VolumeScrub asked() {
    return session.ownership.volume().scrubs();
  }

  /** Whether chunks wait for a scrub that somebody asked for. */
  boolean isAskedFor() {
    return session.ownership.volume() != null && asked().awaited();
  }

  /** Whether chunks wait for a scrub, or a report of some. */
  boolean isUnderWay() {
    return current != null || !due.isEmpty() || !findings.isEmpty() || reporting;
  }

  /**
   * Has the chunk compared as soon as others let it, though nobody asked and it is not its time.
   */
  void soon(OwnedChunk chunk, long nowNanos) {
    if (!due.contains(chunk)) {
      due.add(chunk);
      lookNanos = Math.min(lookNanos, nowNanos);
    }
  }

  /** Does what is due. */
  void pump(long nowNanos) {
    if (!session.mending.mayScrub()) {
      return;
    }
    if (asked().request() > knownRequest) {
      knownRequest = asked().request();
      lookNanos = nowNanos;
    }
    if (current == null && due.isEmpty() && nowNanos >= lookNanos) {
      look(nowNanos);
    }
    if (current == null && !due.isEmpty()) {
      begin(due.remove(), nowNanos);
    }
    if (current != null && !current.isBusy() && nowNanos >= stepAtNanos()) {
      step(nowNanos);
    }
    if (nowNanos >= reportNanos) {
      report(nowNanos);
    }
  }

  /** When {@link #pump} has something to do; Long.MAX_VALUE when it waits for others. */
  long nextDeadlineNanos() {
    if (!session.mending.mayScrub()) {
      return Long.MAX_VALUE;
    }
    long next = reporting ? Long.MAX_VALUE : reportNanos;
    if (current == null) {
      return Math.min(next, due.isEmpty() ? lookNanos : Long.MIN_VALUE);
    }
    return current.isBusy() ? next : Math.min(next, stepAtNanos());
  }

  private long stepAtNanos() {
    return Math.max(stepNanos, settings.pace().notBeforeNanos());
  }

  private void look(long nowNanos) {
    long nowMillis = settings.clockMillis().getAsLong();
    long earliestMillis = nowMillis + LOOK_MILLIS;
    boolean served = true;
    long bad = 0;
    for (OwnedChunk chunk : session.chunks()) {
      ChunkScrub scrub = chunk.scrub;
      bad += scrub.badBlocks().size();
      served &= scrub.request() >= asked().request();
      long dueMillis =
          isAwaited(scrub)
              ? nowMillis
              : Math.min(
                  dueMillis(scrub.lightMillis(), settings.lightMillis(), nowMillis),
                  deepDueMillis(scrub, nowMillis));
      if (dueMillis <= nowMillis) {
        due.add(chunk);
      }
      earliestMillis = Math.min(earliestMillis, dueMillis);
    }
    session.counters.badBlocks = bad;
    lookNanos = nowNanos + Math.max(RETRY_NANOS, (earliestMillis - nowMillis) * MILLI_NANOS);
    if (served && asked().awaited()) {
      doneRequest = asked().request();
      reportNanos = nowNanos;
    }
  }

  private boolean isAwaited(ChunkScrub scrub) {
    return asked().awaited() && scrub.request() < asked().request();
  }

  private long deepDueMillis(ChunkScrub scrub, long nowMillis) {
    return dueMillis(scrub.deepMillis(), settings.deepMillis(), nowMillis);
  }

  /** A clock that was ahead and was set right must not keep a chunk from its scrub until then. */
  private long dueMillis(long lastMillis, long intervalMillis, long nowMillis) {
    if (intervalMillis == 0) {
      return Long.MAX_VALUE;
    }
    long sinceMillis = lastMillis == 0 ? startMillis : lastMillis;
    if (sinceMillis > nowMillis + ScrubSettings.AHEAD_MAX_MILLIS) {
      return nowMillis;
    }
    return lastMillis == 0
        ? startMillis + Math.min(intervalMillis, settings.firstMillis())
        : lastMillis + intervalMillis;
  }

  private void begin(OwnedChunk chunk, long nowNanos) {
    ChunkScrub scrub = chunk.scrub;
    long nowMillis = settings.clockMillis().getAsLong();
    boolean deep =
        isAwaited(scrub) && asked().deep() || deepDueMillis(scrub, nowMillis) <= nowMillis;
    long request = deep || !asked().deep() ? asked().request() : scrub.request();
    current = new ChunkScrubbing(chunk, deep, request, this);
    currentNanos = nowNanos;
    stepNanos = nowNanos;
  }

  private void step(long nowNanos) {
    OwnedChunk chunk = current.chunk;
    if (chunk.state() == OwnedChunk.State.READY) {
      long bytes = current.step(nowNanos);
      settings.pace().spend(bytes, nowNanos);
      return;
    }
    chunk.open(nowNanos);
    stepNanos = nowNanos + READY_CHECK_NANOS;
    if (nowNanos - currentNanos > READY_NANOS) {
      putOff(nowNanos);
    }
  }

  @Override
  public void idle(long nowNanos) {
    // The next step waits for its turn: it is a deadline.
    if (!session.isOver() && nowNanos >= stepAtNanos()) {
      pump(nowNanos);
    }
  }

  @Override
  public void putOff(long nowNanos) {
    current = null;
    lookNanos = Math.min(lookNanos, nowNanos + RETRY_NANOS);
    if (due.isEmpty() && lookNanos < nowNanos) {
      lookNanos = nowNanos + RETRY_NANOS;
    }
  }

  @Override
  public void done(ChunkScrubbing scrubbing, long nowNanos) {
    OwnedChunk chunk = scrubbing.chunk;
    current = null;
    chunk.scrub = scrubbing.result(chunk.scrub, settings.clockMillis().getAsLong());
    session.counters.scrubbedChunks++;
    findings.add(
        new Command.ReportScrubs.Finding(
            chunk.record().layer(), chunk.record().index(), chunk.scrub));
    boolean atOnce =
        findings.size() >= REPORT_MAX
            || due.isEmpty()
            || scrubbing.mendedCopies() > 0
            || !chunk.scrub.badBlocks().isEmpty();
    reportNanos = atOnce ? nowNanos : Math.min(reportNanos, nowNanos + REPORT_NANOS);
    if (due.isEmpty()) {
      lookNanos = Math.min(lookNanos, nowNanos);
    }
  }

  /** Without an answer the same is reported again: the values are absolute. */
  private void report(long nowNanos) {
    if (reporting) {
      return;
    }
    reporting = true;
    reportNanos = Long.MAX_VALUE;
    int count = Math.min(findings.size(), REPORT_MAX);
    List<Command.ReportScrubs.Finding> reported = List.copyOf(findings.subList(0, count));
    long request = doneRequest;
    session.metadata.submit(
        new Command.ReportScrubs(
            session.volumeId(),
            session.generation(),
            reported,
            count < findings.size() ? 0 : request),
        (reply, now) -> {
          reporting = false;
          if (!session.isOver()) {
            reported(reply, count, now);
            session.onProgress(now);
          }
        });
  }

  private void reported(Reply reply, int count, long nowNanos) {
    if (reply instanceof Reply.Volume volume) {
      findings.subList(0, count).clear();
      session.ownership.changed(volume.volume());
      if (!findings.isEmpty() || doneRequest > asked().done() && asked().awaited()) {
        reportNanos = Math.min(reportNanos, nowNanos);
      }
    } else if (Allocation.isStale(reply)) {
      session.onFenced(nowNanos);
    } else {
      reportNanos = nowNanos + RETRY_NANOS;
    }
  }

  void describe(StringBuilder text) {
    text.append("scrubs ").append(session.counters.scrubbedChunks).append(" chunks done");
    if (current != null) {
      text.append(", chunk ").append(current.chunk.record().index());
      text.append(current.isBusy() ? " waits for answers" : " is next");
    }
    text.append(", ").append(due.size()).append(" due, ");
    text.append(findings.size()).append(" to report\n");
  }
}
