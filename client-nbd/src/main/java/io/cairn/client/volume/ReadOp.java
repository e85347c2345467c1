package io.cairn.client.volume;

import io.cairn.client.volume.OwnedReplica.Phase;
import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Reply;
import io.cairn.storage.wire.Status;
import java.util.function.Predicate;
import org.agrona.DirectBuffer;

/**
 * A read of blocks of one chunk, or of what kind they are: tries the in-sync replicas one after the
 * other, hedges a slow one, checks what comes (I8), and answers only under a lease (I4).
 *
 * <p>What all of them say that they cannot read may be good on one that has caught up and is not in
 * sync yet, or is by now for all that the owner has heard: that is asked before the client hears of
 * an error, which is under a lease as well, as the next owner may have mended the block.
 */
final class ReadOp {
  /** Blocks, or the reason why there are none. */
  interface Done {
    /** The payload is borrowed; null on failure. */
    void on(Payload payload, boolean repairWanted, long nowNanos);
  }

  /** Where holes, zeroes and data are, or nothing. */
  interface ExtentsDone {
    /** Triples (offset in blocks, count, kind) in order without gaps; null on failure. */
    void on(int[] triples);
  }

  /** Bad answers to one read from which on who gives them is taken to hold bad blocks. */
  private static final int CORRUPT_ANSWERS_MAX = 5;

  private final VolumeSession session;

  /** Neighbours in the list of reads under way, which is the session's. */
  ReadOp older;

  ReadOp newer;

  private OwnedChunk chunk;
  private int block;
  private int count;
  private Done done;
  private ExtentsDone extentsDone;
  private int triedMask;
  private int badMask;

  /** Bits of those that are never asked. */
  private int excludedMask;

  /**
   * All were bad once and are asked again. What the first said may be long ago: it was mended since
   * while this waited for another, which then rotted.
   */
  private boolean again;

  /** Answers whose bytes failed their checksums. */
  private int corruptAnswers;

  private int outstanding;

  /** The run of reads that is told of the answer, or {@link ReadRuns#NONE}. */
  private long run;

  private boolean ended;

  /** Who refers to this: itself until it ended, and every request that was not answered. */
  private int references;

  /** When another replica is asked as well. */
  private long hedgeAtNanos;

  /** Nobody can be asked. */
  private boolean parked;

  /** There is an answer, good or that nobody can read it, which waits for a lease. */
  private boolean answered;

  /** The blocks of that answer, if it is good. */
  private Payload blocks;

  /** The extents of that answer, if it is good. */
  private int[] triples;

  /** A read of nothing yet; {@link Reads} keeps those that are free. */
  ReadOp(VolumeSession session) {
    this.session = session;
  }

  /** Reads blocks, as soon as a replica can be asked. */
  static void begin(OwnedChunk chunk, int block, int count, Done done) {
    chunk.session.reads.take().start(chunk, block, count, done, null, 0);
  }

  /** Reads one block from one of the replicas whose bits are given, and from no other. */
  static void beginAt(OwnedChunk chunk, int block, int replicaMask, Done done) {
    chunk.session.reads.take().start(chunk, block, 1, done, null, ~replicaMask);
  }

  /** Asks what kind blocks are: at most {@link Frame#VERSIONS_MAX}. */
  static void extents(OwnedChunk chunk, int block, int count, ExtentsDone done) {
    chunk.session.reads.take().start(chunk, block, count, null, done, 0);
  }

  private void start(
      OwnedChunk ofChunk,
      int firstBlock,
      int blockCount,
      Done blocksDone,
      ExtentsDone kindsDone,
      int neverAskedMask) {
    chunk = ofChunk;
    block = firstBlock;
    count = blockCount;
    done = blocksDone;
    extentsDone = kindsDone;
    excludedMask = neverAskedMask;
    triedMask = excludedMask;
    badMask = excludedMask;
    again = false;
    corruptAnswers = 0;
    outstanding = 0;
    ended = false;
    references = 1;
    hedgeAtNanos = Long.MAX_VALUE;
    answered = false;
    parked = false;
    run = ReadRuns.NONE;
    session.reads.add(this);
    // Who reads what kind blocks are, or compares replicas, is no reader that goes on.
    askNext(done != null && excludedMask == 0, session.now());
  }

  private void askNext(long nowNanos) {
    askNext(false, nowNanos);
  }

  /** Asks the next replica; as the first one, that which keeps the run if it may be asked. */
  private void askNext(boolean inRun, long nowNanos) {
    int preferred = inRun ? session.reads.runs.goesOn(chunk, block, count) : -1;
    OwnedReplica best = nextToAsk(true, preferred);
    if (best == null && areAllBad(OwnedReplica::inSync)) {
      best = nextToAsk(false, -1);
    }
    if (best != null) {
      if (inRun) {
        run = session.reads.runs.asked(chunk, block, count, best.bit);
      }
      ask(best, nowNanos);
    } else if (outstanding > 0) {
      hedgeAtNanos = Long.MAX_VALUE;
    } else if (!areAllBad(OwnedReplica::required)) {
      // Nobody can be asked now: the session's tick tries again, for all such reads at one time.
      triedMask = badMask;
      hedgeAtNanos = Long.MAX_VALUE;
      parked = true;
      session.reads.park(1);
      session.wake();
    } else if (!again) {
      again = true;
      triedMask = excludedMask;
      badMask = excludedMask;
      askNext(nowNanos);
    } else {
      answered(nowNanos);
    }
  }

  /** Whether all of these replicas have said that they cannot read it. */
  private boolean areAllBad(Predicate<OwnedReplica> these) {
    for (int i = 0; i < chunk.replicas().size(); i++) {
      OwnedReplica replica = chunk.replicas().get(i);
      if (these.test(replica) && (badMask & 1 << replica.bit) == 0) {
        return false;
      }
    }
    return true;
  }

  /** One that holds all that was acknowledged and was not asked; null when there is none. */
  private OwnedReplica nextToAsk(boolean inSync, int preferred) {
    OwnedReplica best = null;
    int size = chunk.replicas().size();
    int first = session.reads.nextStart();
    for (int i = 0; i < size; i++) {
      OwnedReplica replica = chunk.replicas().get((first + i) % size);
      if (replica.inSync() == inSync
          && replica.phase == Phase.LIVE
          && replica.node.ready
          && chunk.holdsAllCompleted(replica)
          && (triedMask & 1 << replica.bit) == 0
          && (best == null || replica.bit == preferred)) {
        best = replica;
      }
    }
    return best;
  }

  private void hedgeAt(long nanos) {
    hedgeAtNanos = nanos;
    session.reads.dueAt(nanos);
  }

  private void ask(OwnedReplica replica, long nowNanos) {
    triedMask |= 1 << replica.bit;
    outstanding++;
    references++;
    hedgeAt(nowNanos + session.reads.hedgeNanos());
    NodeLink link = replica.node.link;
    int length =
        link.request.range(
            link.out(),
            0,
            extentsDone == null ? MessageType.READ : MessageType.EXTENTS,
            0,
            link.nextRequestId(),
            link.nodeId,
            chunk.record().volumeId(),
            chunk.record().layer(),
            chunk.record().index(),
            session.generation(),
            block,
            count,
            0);
    Ask ask = session.reads.takeAsk();
    ask.read = this;
    ask.replica = replica;
    ask.era = replica.era;
    link.send(length, null, ask, nowNanos);
  }

  /** One request to one replica. */
  static final class Ask implements NodeLink.Pending {
    private ReadOp read;
    private OwnedReplica replica;
    private int era;

    @Override
    public void onReply(
        Status status, DirectBuffer header, int offset, Payload payload, long sentNanos, long now) {
      replica.node.link.roundTrip(sentNanos, now);
      read.replied(replica, era, status, header, offset, payload, sentNanos, now);
      end();
    }

    @Override
    public void onLost(long now) {
      read.lost(now);
      end();
    }

    private void end() {
      ReadOp ended = read;
      read = null;
      replica = null;
      ended.session.reads.give(this);
      ended.dereference();
    }
  }

  private void replied(
      OwnedReplica replica,
      int era,
      Status status,
      DirectBuffer header,
      int offset,
      Payload payload,
      long sentNanos,
      long now) {
    outstanding--;
    boolean good = replica.node.check(status, sentNanos, now);
    if (ended || answered || session.isOver()) {
      return;
    }
    if (good && replica.phase == Phase.LIVE && replica.era == era && stillHoldsAll(replica)) {
      session.reads.observe(now - sentNanos);
      session.reads.runs.answered(run, replica.bit, now - sentNanos);
      take(replica, header, offset, payload, now);
    } else {
      if (status == Status.UNREADABLE) {
        badMask |= 1 << replica.bit;
      }
      askNext(now);
    }
  }

  /** A replica that left the set while it answered may lack what others acknowledged. */
  private boolean stillHoldsAll(OwnedReplica replica) {
    return replica.inSync() || chunk.holdsAllCompleted(replica);
  }

  private void lost(long now) {
    outstanding--;
    if (!ended && !answered && !session.isOver()) {
      askNext(now);
    }
  }

  private void dereference() {
    if (--references == 0) {
      session.reads.give(this);
    }
  }

  private void take(
      OwnedReplica replica, DirectBuffer header, int offset, Payload payload, long nowNanos) {
    if (extentsDone != null) {
      takeExtents(header, offset, nowNanos);
      return;
    }
    if (Reply.rangeBlock(header, offset) != block
        || Reply.rangeCount(header, offset) != count
        || payload == null
        || payload.length() != count * Frame.BLOCK_BYTES
        || !intact(header, offset, payload)) {
      session.counters.corruptReads++;
      // The wire may have done it: a replica checks what it reads, and says itself what is bad.
      int bit = 1 << replica.bit;
      if (++corruptAnswers >= CORRUPT_ANSWERS_MAX) {
        badMask |= bit;
      } else {
        triedMask &= ~bit;
      }
      askNext(nowNanos);
      return;
    }
    payload.retain();
    blocks = payload;
    answered(nowNanos);
  }

  private void takeExtents(DirectBuffer header, int offset, long nowNanos) {
    int extents = Reply.rangeBlock(header, offset);
    int[] found = new int[3 * extents];
    int next = block;
    for (int i = 0; i < extents; i++) {
      found[3 * i] = Reply.extentOffset(header, offset, i);
      found[3 * i + 1] = Reply.extentCount(header, offset, i);
      found[3 * i + 2] = Reply.extentKind(header, offset, i);
      if (found[3 * i] != next || found[3 * i + 1] <= 0) {
        break;
      }
      next += found[3 * i + 1];
    }
    if (next == block + count) {
      triples = found;
    } else {
      // It makes no sense: what is not known to be a hole is data.
      triples = new int[] {block, count, Reply.EXTENT_DATA};
    }
    answered(nowNanos);
  }

  private void answered(long nowNanos) {
    answered = true;
    session.reads.awaitLease(1);
    hedgeAtNanos = Long.MAX_VALUE;
    answerUnderLease(nowNanos);
  }

  private boolean intact(DirectBuffer header, int offset, Payload payload) {
    for (int i = 0; i < count; i++) {
      int computed =
          session.crc.of(
              payload.buffer(), payload.offset() + i * Frame.BLOCK_BYTES, Frame.BLOCK_BYTES);
      if (computed != Reply.crc(header, offset, i)) {
        return false;
      }
    }
    return true;
  }

  /** Answers if the lease holds; otherwise the session asks for one and calls again. */
  void answerUnderLease(long nowNanos) {
    if (ended || !answered) {
      return;
    }
    if (session.lease.holds(chunk, nowNanos)) {
      end(blocks != null || triples != null, nowNanos);
    } else {
      session.lease.renew(chunk, nowNanos);
    }
  }

  long deadlineNanos() {
    return answered ? Long.MAX_VALUE : hedgeAtNanos;
  }

  void onTimer(long nowNanos) {
    if (!ended && !answered && nowNanos >= hedgeAtNanos) {
      if (outstanding > 0) {
        session.counters.hedges++;
      }
      askNext(nowNanos);
    }
  }

  void retryParked(long nowNanos) {
    if (!ended && parked) {
      unpark();
      askNext(nowNanos);
    }
  }

  private void unpark() {
    if (parked) {
      parked = false;
      session.reads.park(-1);
    }
  }

  private void end(boolean good, long nowNanos) {
    ended = true;
    session.reads.remove(this);
    session.reads.runs.ended(run, count);
    unpark();
    if (answered) {
      session.reads.awaitLease(-1);
    }
    if (extentsDone != null) {
      extentsDone.on(good ? triples : null);
    } else {
      done.on(blocks, good && (again || badMask != 0), nowNanos);
    }
    drop();
    dereference();
  }

  /** The session is over: nobody is answered here any more. */
  void abandon() {
    ended = true;
    drop();
  }

  private void drop() {
    done = null;
    extentsDone = null;
    triples = null;
    if (blocks != null) {
      blocks.release();
      blocks = null;
    }
  }
}
