package io.cairn.client.volume;

import io.cairn.client.volume.ScrubVerdict.Copy;
import io.cairn.client.volume.ScrubVerdict.Outcome;
import io.cairn.metadata.model.ChunkScrub;
import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * One scrub of one chunk, range by range. The first look takes no claim: clients are not held up,
 * and a block that is being written may look different on two replicas. What looks bad is looked at
 * again under an exclusive claim, and mended under it.
 *
 * <pre>
 * IDLE --step--> LOOKING --all equal--> IDLE
 * LOOKING --some block looks bad--> CLAIMING --granted, looked again--> IDLE or MENDING
 * MENDING --written everywhere--> IDLE
 * IDLE --no range left--> done      any --a replica cannot be asked--> put off
 * </pre>
 */
final class ChunkScrubbing {
  /** Where the host of scrubs hears of it. */
  interface Listener {
    /** The next step may be taken. */
    void idle(long nowNanos);

    /** The chunk was looked at from end to end. */
    void done(ChunkScrubbing scrubbing, long nowNanos);

    /** It cannot be looked at now. */
    void putOff(long nowNanos);
  }

  private record Range(int block, int count) {}

  final OwnedChunk chunk;
  final boolean deep;

  /** Number of the request that it serves, or served last. */
  final long request;

  private final VolumeSession session;
  private final Listener listener;
  private final List<Integer> bad = new ArrayList<>();

  /** Parts of a range that looked bad, to be looked at before the next range. */
  private final ArrayDeque<Range> parts = new ArrayDeque<>();

  private RangeLocks.Claim claim;
  private int next;
  private long mendedCopies;
  private boolean busy;

  ChunkScrubbing(OwnedChunk chunk, boolean deep, long request, Listener listener) {
    this.chunk = chunk;
    this.deep = deep;
    this.request = request;
    this.listener = listener;
    session = chunk.session;
  }

  /** Whether an answer is waited for. */
  boolean isBusy() {
    return busy;
  }

  /** Copies that were not what the others are, and are now. */
  long mendedCopies() {
    return mendedCopies;
  }

  /** What is to be recorded of it. */
  ChunkScrub result(ChunkScrub before, long nowMillis) {
    return new ChunkScrub(
        nowMillis,
        deep ? nowMillis : before.deepMillis(),
        Math.max(before.request(), request),
        before.mendedBlocks() + mendedCopies,
        deep ? bad : alsoBad(before.badBlocks()));
  }

  /** Checksums alone cannot say that a block is good again; that one is bad they may have shown. */
  private List<Integer> alsoBad(List<Integer> before) {
    TreeSet<Integer> all = new TreeSet<>(before);
    all.addAll(bad);
    return all.stream().limit(ChunkScrub.BAD_MAX).toList();
  }

  /**
   * Asks for the next range.
   *
   * @return bytes that each replica reads for it; 0 when nothing was asked.
   */
  long step(long nowNanos) {
    Range range = parts.poll();
    if (range == null) {
      if (next >= session.chunkBlocks()) {
        listener.done(this, nowNanos);
        return 0;
      }
      range = new Range(next, Math.min(Frame.BLOCKS_MAX, session.chunkBlocks() - next));
      next += range.count();
    }
    busy = true;
    ScrubLook look = new ScrubLook(chunk, range.block(), range.count(), deep, this::looked);
    if (!look.ask(nowNanos)) {
      putOff(nowNanos);
      return 0;
    }
    return (long) range.count() * (deep ? Frame.BLOCK_BYTES : Integer.BYTES + Long.BYTES);
  }

  private void looked(ScrubLook look, long nowNanos) {
    if (look.failed()) {
      putOff(nowNanos);
      return;
    }
    session.counters.scrubbedBlocks += (long) look.count * look.answers.size();
    if (look.someUnreadable()) {
      if (look.count == 1) {
        claim(look.block);
        return;
      }
      int half = look.count / 2;
      parts.push(new Range(look.block + half, look.count - half));
      parts.push(new Range(look.block, half));
    } else {
      for (int i = look.count - 1; i >= 0; i--) {
        if (look.differs(i)) {
          if (look.count == 1) {
            claim(look.block);
            return;
          }
          parts.push(new Range(look.block + i, 1));
        }
      }
    }
    idle(nowNanos);
  }

  /** From when the claim is granted, every write of the block is on every replica in sync. */
  private void claim(int block) {
    claim = new RangeLocks.Claim(block, 1, true, () -> judge(block));
    chunk.locks.acquire(claim);
  }

  private void judge(int block) {
    ScrubLook known =
        new ScrubLook(
            chunk,
            block,
            1,
            false,
            (sums, now) -> {
              ScrubLook read =
                  new ScrubLook(chunk, block, 1, true, (data, later) -> judge(sums, data, later));
              if (sums.failed() || sums.someUnreadable() || !read.ask(now)) {
                putOff(now);
              }
            });
    if (!known.ask(session.now())) {
      putOff(session.now());
    }
  }

  private void judge(ScrubLook sums, ScrubLook data, long nowNanos) {
    List<Copy> copies = copies(sums, data);
    if (copies == null || !session.mending.mayScrub()) {
      putOff(nowNanos);
      return;
    }
    ScrubVerdict verdict = ScrubVerdict.of(copies);
    if (verdict.outcome() == Outcome.MEND) {
      mend(sums.block, verdict);
      return;
    }
    if (verdict.outcome() == Outcome.BAD && bad.size() < ChunkScrub.BAD_MAX) {
      bad.add(sums.block);
    }
    idle(nowNanos);
  }

  /** Null when the two looks are not at the same replicas. */
  private static List<Copy> copies(ScrubLook sums, ScrubLook data) {
    if (data.failed() || sums.answers.size() != data.answers.size()) {
      return null;
    }
    List<Copy> copies = new ArrayList<>();
    for (int i = 0; i < sums.answers.size(); i++) {
      ScrubLook.Answer known = sums.answers.get(i);
      ScrubLook.Answer read = data.answers.get(i);
      if (known.replica != read.replica) {
        return null;
      }
      copies.add(new Copy(known.replica.bit, known.versions[0], known.crcs[0], read.readable));
    }
    return copies;
  }

  private void mend(int block, ScrubVerdict verdict) {
    if (verdict.crc() == Crc32c.ZERO_BLOCK) {
      session.requests.submitZeroes(
          chunk, block, 1, false, false, session.now(), () -> mended(block, verdict));
      return;
    }
    ReadOp.beginAt(
        chunk,
        block,
        verdict.sourceMask(),
        (payload, again, now) -> {
          if (payload == null || !isWhatWasSeen(payload, verdict) || !session.mending.mayScrub()) {
            putOff(now);
            return;
          }
          payload.retain();
          session.requests.submit(
              chunk, block, 1, payload, false, now, () -> mended(block, verdict));
        });
  }

  private boolean isWhatWasSeen(Payload payload, ScrubVerdict verdict) {
    return session.crc.of(payload.buffer(), payload.offset(), Frame.BLOCK_BYTES) == verdict.crc();
  }

  private void mended(int block, ScrubVerdict verdict) {
    mendedCopies += verdict.badCopies();
    session.counters.scrubMendedBlocks += verdict.badCopies();
    idle(session.now());
  }

  private void putOff(long nowNanos) {
    unclaim();
    busy = false;
    listener.putOff(nowNanos);
  }

  private void idle(long nowNanos) {
    unclaim();
    busy = false;
    listener.idle(nowNanos);
  }

  private void unclaim() {
    if (claim != null) {
      RangeLocks.Claim held = claim;
      claim = null;
      chunk.locks.release(held);
    }
  }
}
