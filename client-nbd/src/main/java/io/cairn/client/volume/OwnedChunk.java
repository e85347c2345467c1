package io.cairn.client.volume;

import io.cairn.client.volume.OwnedReplica.Phase;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.ChunkScrub;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.storage.wire.Reply;
import io.cairn.storage.wire.Status;
import io.cairn.storage.wire.Version;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.agrona.DirectBuffer;

/**
 * One chunk in its owner's hands: makes its replicas equal before the first I/O (I6), gives writes
 * their sequence, knows when one is acknowledged (I2), and brings short replicas up.
 *
 * <pre>
 * CLOSED --first I/O, or a replica to bring up--> OPENING --all in-sync replicas equal--> READY
 * </pre>
 */
final class OwnedChunk {
  private static final long RETRY_NANOS = 100_000_000L;

  /**
   * A full device stays full for a while, and what no source can read stays so: each try would make
   * the node search for what it lacks.
   */
  private static final long SLOW_RETRY_NANOS = 2_000_000_000L;

  enum State {
    CLOSED,
    OPENING,
    READY
  }

  final VolumeSession session;
  final RangeLocks locks = new RangeLocks();
  final ReplicaRequests requests = new ReplicaRequests(this);
  private final ChunkReplicas set;

  /** Those of the set. */
  private final List<OwnedReplica> replicas;

  private final ArrayDeque<WriteOp> ops = new ArrayDeque<>();
  private final List<Runnable> whenReady = new ArrayList<>();
  private ChunkRecord record;

  /** What the last scrubs came to; ahead of the record until it is reported. */
  ChunkScrub scrub;

  private State state = State.CLOSED;

  /** When it began to open. */
  private long openingNanos;

  /** Version that all in-sync replicas had when the chunk was opened. */
  private long openBase;

  private long lastAssigned;

  /**
   * Set when an in-sync replica left the set before it could be fenced: a stale owner may read it.
   */
  private long gateNanos = Long.MIN_VALUE;

  /**
   * Nobody in sync could be reached: an operator may have made another replica the current one
   * meanwhile.
   */
  boolean mayBeGivenUp;

  /** Set once the replicas that were out of the set from the beginning have been looked at. */
  private boolean gateKnown;

  OwnedChunk(VolumeSession session, ChunkRecord record, long nowNanos) {
    this.session = session;
    this.record = record;
    scrub = record.lastScrub();
    set = new ChunkReplicas(session, record, nowNanos);
    replicas = set.all();
  }

  ChunkRecord record() {
    return record;
  }

  State state() {
    return state;
  }

  /** When it began to open; means nothing while it is closed. */
  long openingNanos() {
    return openingNanos;
  }

  List<OwnedReplica> replicas() {
    return replicas;
  }

  /** Runs the action once the chunk is ready; at once when it is. */
  void ready(Runnable action, long nowNanos) {
    if (state == State.READY) {
      action.run();
      return;
    }
    whenReady.add(action);
    open(nowNanos);
  }

  void open(long nowNanos) {
    if (state == State.CLOSED) {
      state = State.OPENING;
      openingNanos = nowNanos;
      session.opens(this);
      for (OwnedReplica replica : replicas) {
        if (replica.inSync()) {
          ask(replica, nowNanos);
        }
      }
    }
  }

  /** Asks a replica for its position, if its node can be asked. */
  void ask(OwnedReplica replica, long nowNanos) {
    if (!replica.node.ready
        || replica.phase != Phase.OFF
        || nowNanos < replica.retryAtNanos
        || state == State.CLOSED) {
      return;
    }
    replica.phase = Phase.OPENING;
    requests.open(
        replica,
        (header, offset, now) -> {
          replica.phase = Phase.OPENED;
          replica.openState = openState(header, offset);
          replica.seen = true;
          replica.position = Reply.lastVersion(header, offset);
          replica.openLsn = Reply.appendedLsn(header, offset);
          opened(replica, Reply.appendedLsn(header, offset), now);
        },
        nowNanos);
  }

  /** A chunk that is younger than the loss was never there: then it is absent. */
  private int openState(DirectBuffer header, int offset) {
    int told = Reply.openState(header, offset);
    return told == Reply.STATE_LOST && record.chunksBefore() >= Reply.openChunksLost(header, offset)
        ? Reply.STATE_ABSENT
        : told;
  }

  /** The replica refused something: it is asked again after a while, or leaves the set. */
  void failed(OwnedReplica replica, Status status, long nowNanos) {
    replica.problem = status;
    replica.sourcesFailed += status == Status.SOURCE_FAILED ? 1 : 0;
    replica.reset();
    boolean isFull = status == Status.NO_SPACE && !replica.inSync();
    boolean waits = isFull || set.haveAllFailed(replica);
    replica.retryAtNanos = nowNanos + (waits ? SLOW_RETRY_NANOS : RETRY_NANOS);
    replica.failingSinceNanos = Math.min(replica.failingSinceNanos, nowNanos);
    settleAll();
    session.onProgress(nowNanos);
  }

  private void opened(OwnedReplica replica, long appendedLsn, long nowNanos) {
    if (replica.inSync() && !LostChunks.mayGoOn(this, replica.node, nowNanos)) {
      replica.reset();
      replica.retryAtNanos = nowNanos + RETRY_NANOS;
      return;
    }
    if (state == State.OPENING) {
      equalize(nowNanos);
    } else {
      resume(replica, appendedLsn, nowNanos);
    }
  }

  /** The in-sync replicas' positions are compared once all of them are known (I6). */
  void equalize(long nowNanos) {
    if (state != State.OPENING) {
      return;
    }
    for (OwnedReplica replica : replicas) {
      if (replica.required() && (replica.phase == Phase.OFF || replica.phase == Phase.OPENING)) {
        bringUpWhileShort(nowNanos);
        return;
      }
    }
    OwnedReplica longest = set.longest();
    if (longest == null) {
      LostChunks.letAloneStand(this, nowNanos);
      return;
    }
    if (longest.leaving) {
      // It came back while its removal is under way: who is brought up from it now would be left
      // alone in the set, without what it lacks.
      return;
    }
    openBase = longest.position;
    lastAssigned = openBase;
    gateForThoseOut(nowNanos);
    boolean equal = true;
    for (OwnedReplica replica : replicas) {
      if (!replica.required()) {
        continue;
      }
      if (replica.phase == Phase.LIVE && replica.position != openBase) {
        // It caught up while the chunk was short, and one with more has come back.
        replica.phase = Phase.OPENED;
      }
      if (replica.phase == Phase.OPENED) {
        if (replica.openState == Reply.STATE_ABSENT) {
          create(replica, nowNanos);
        }
        if (replica.openState == Reply.STATE_COMPLETE && replica.position == openBase) {
          // What the last owner left must not be lost under us: nobody could serve it again.
          if (replica.isPrefixDurable()) {
            replica.phase = Phase.LIVE;
          } else {
            session.awaitsDurable.add(this);
            replica.node.syncTo(replica.openLsn, nowNanos);
          }
        } else if (openBase == 0
            && (replica.openState == Reply.STATE_ABSENT
                || longest.openState == Reply.STATE_ABSENT)) {
          // What is nowhere yet must be made where it never was, before others follow that.
          equal = false;
        } else {
          catchUp(replica, set.sourceLike(longest, replica), nowNanos);
        }
      }
      equal &= replica.phase == Phase.LIVE;
    }
    if (equal && record.inSyncCount() >= session.minInSync()) {
      becomeReady(nowNanos);
    } else if (equal) {
      bringUpWhileShort(nowNanos);
    }
  }

  /**
   * Replicas out of sync, and those in the set that lack something themselves, catch up while too
   * few in the set can be reached to open the chunk.
   */
  private void bringUpWhileShort(long nowNanos) {
    if (!ShortOpening.isDue(this, nowNanos)) {
      return;
    }
    OwnedReplica source = set.longest();
    if (source.phase == Phase.OPENED && source.openState == Reply.STATE_ABSENT) {
      create(source, nowNanos);
      return;
    }
    lastAssigned = source.position;
    for (OwnedReplica replica : replicas) {
      boolean lacks = !replica.required() || set.isKnownToBeShort(replica);
      if (replica.phase == Phase.OPENED && lacks && replica != source) {
        if (replica.openState == Reply.STATE_ABSENT) {
          create(replica, nowNanos);
        }
        catchUp(replica, set.sourceLike(source, replica), nowNanos);
      }
    }
  }

  private void gateForThoseOut(long nowNanos) {
    for (OwnedReplica replica : replicas) {
      if (!gateKnown && !replica.inSync()) {
        gateNanos = Math.max(gateNanos, session.ownership.gateFor(replica, nowNanos));
      }
    }
    gateKnown = true;
  }

  /** Whether an owner before us may still read a replica that is out of the set. */
  private boolean isGated(long nowNanos) {
    boolean unfenced = false;
    for (OwnedReplica replica : replicas) {
      unfenced |= !replica.inSync() && replica.node.firstFencedNanos == Long.MAX_VALUE;
    }
    return unfenced && nowNanos < gateNanos;
  }

  private void becomeReady(long nowNanos) {
    if (isGated(nowNanos)) {
      return;
    }
    state = State.READY;
    for (OwnedReplica replica : replicas) {
      if (!replica.required() && replica.phase != Phase.OFF && replica.phase != Phase.OPENING) {
        // It left the set while the chunk opened, or caught up while that was short: its answer is
        // used up, it is asked anew.
        replica.reset();
      }
    }
    List<Runnable> actions = List.copyOf(whenReady);
    whenReady.clear();
    for (Runnable action : actions) {
      action.run();
    }
    if (CatchUps.needsCare(this)) {
      session.onProgress(nowNanos);
    } else {
      session.onRequestProgress(nowNanos);
    }
  }

  private void create(OwnedReplica replica, long nowNanos) {
    requests.create(
        replica,
        (header, offset, now) -> {
          if (replica.phase == Phase.OPENED) {
            replica.openState = Reply.STATE_COMPLETE;
            replica.position = 0;
            replica.openLsn = Reply.appendedLsn(header, offset);
            equalize(now);
          }
        },
        nowNanos);
  }

  /** A replica of a ready chunk told its position: it goes on from the window, or catches up. */
  private void resume(OwnedReplica replica, long appendedLsn, long nowNanos) {
    long position = replica.position;
    boolean ours =
        position == openBase
            || Version.generation(position) == session.generation() && position <= lastAssigned;
    if (Version.generation(position) == session.generation() && position > lastAssigned) {
      throw new IllegalStateException(
          "a replica holds " + Version.text(position) + " beyond " + Version.text(lastAssigned));
    }
    if (replica.openState != Reply.STATE_COMPLETE || !ours || !windowCovers(position)) {
      if (replica.openState == Reply.STATE_ABSENT) {
        create(replica, nowNanos);
      }
      catchUp(replica, set.sourceFor(replica), nowNanos);
      return;
    }
    replica.phase = Phase.LIVE;
    List<WriteOp> kept = referenced();
    for (WriteOp op : kept) {
      boolean held = Version.sequence(op.version) <= Version.sequence(position);
      if (!held) {
        // What it had acknowledged went with its power: it counts again once it holds it again.
        op.ackedMask &= ~(1 << replica.bit);
        op.durableMask &= ~(1 << replica.bit);
        replica.holdsAll = false;
      }
      // One that must be durable is sent again even so: the replica answers it when it is.
      if (held && !op.durable) {
        op.ackedMask |= 1 << replica.bit;
        replica.node.holds(op, replica.bit, appendedLsn);
        settle(op);
      } else {
        requests.write(replica, op, nowNanos);
      }
    }
    kept.forEach(WriteOp::dereference);
    // The node tells a new link of its durable position only after writes of that link.
    replica.node.sync(nowNanos);
    replica.node.syncTo(appendedLsn, nowNanos);
    session.onReplicaLive(this, replica, nowNanos);
  }

  private boolean windowCovers(long position) {
    long next = Version.sequence(position) + 1;
    if (Version.sequence(lastAssigned) < next) {
      return true;
    }
    return !ops.isEmpty() && Version.sequence(ops.peek().version) <= next;
  }

  private void catchUp(OwnedReplica replica, OwnedReplica source, long nowNanos) {
    if (source == null) {
      replica.reset();
      replica.retryAtNanos = nowNanos + RETRY_NANOS;
      return;
    }
    long base = lastAssigned;
    boolean leavesUnreadable = set.mayLeaveUnreadable(replica, nowNanos);
    replica.seen = false;
    replica.phase = Phase.CATCHING;
    replica.catchUpBase = base;
    replica.source = source;
    replica.holdsAll = false;
    for (WriteOp op : ops) {
      if (replica.required()) {
        op.ackedMask &= ~(1 << replica.bit);
        op.durableMask &= ~(1 << replica.bit);
      } else {
        // It pulls these from the source, which is retained by its own bit.
        op.durableMask |= 1 << replica.bit;
      }
    }
    requests.catchUp(
        replica,
        source,
        base,
        session.mending.copyPaceOf(replica),
        leavesUnreadable,
        (header, offset, now) -> {
          replica.unreadableAt = 0;
          replica.leftUnreadable = leavesUnreadable;
          session.counters.copiedBlocks += Reply.detail(header, offset);
          replica.failingSinceNanos = Long.MAX_VALUE;
          replica.problem = null;
          replica.phase = Phase.LIVE;
          replica.openState = Reply.STATE_COMPLETE;
          replica.position = base;
          List<WriteOp> kept = referenced();
          for (WriteOp op : kept) {
            if (op.version <= base) {
              op.ackedMask |= 1 << replica.bit;
              op.durableMask |= 1 << replica.bit;
              settle(op);
            }
          }
          kept.forEach(WriteOp::dereference);
          lookAtUnreadable(replica, now);
          equalize(now);
          session.onReplicaLive(this, replica, now);
        },
        nowNanos);
  }

  /** Blocks that nobody could give to a replica in the set are compared, mended or reported. */
  private void lookAtUnreadable(OwnedReplica replica, long nowNanos) {
    if (replica.leftUnreadable && replica.inSync()) {
      replica.leftUnreadable = false;
      session.mending.scrubSoon(this, nowNanos);
    }
  }

  /** Gives the write its sequence and sends it to everyone that takes writes. */
  void submit(WriteOp op, long nowNanos) {
    op.version = Version.of(session.generation(), Version.sequence(lastAssigned) + 1);
    lastAssigned = op.version;
    ops.add(op);
    for (int i = 0; i < replicas.size(); i++) {
      OwnedReplica replica = replicas.get(i);
      if (replica.takesWrites()) {
        requests.write(replica, op, nowNanos);
      }
    }
  }

  /** A replica holds the write. */
  void onWritten(WriteOp op, OwnedReplica replica, long appendedLsn, long nowNanos) {
    op.ackedMask |= 1 << replica.bit;
    if (op.durable) {
      // The shard answers a durable write only when it is.
      op.durableMask |= 1 << replica.bit;
    } else {
      replica.node.holds(op, replica.bit, appendedLsn);
    }
    replica.failingSinceNanos = Long.MAX_VALUE;
    replica.problem = null;
    settle(op);
    session.onRequestProgress(nowNanos);
  }

  void onDurable(WriteOp op) {
    settle(op);
  }

  /** Acknowledges, reports durable and forgets a write, each as soon as it may be. */
  private void settle(WriteOp op) {
    int required = set.requiredMask();
    int settling = set.settlingMask();
    if (!op.completed
        && (op.ackedMask & required) == required
        && (!op.durable || (op.durableMask & settling) == settling)
        && record.inSyncCount() >= session.minInSync()) {
      op.completed = true;
      set.noteWhoLacks(op);
      op.acknowledge();
    }
    if (op.completed && !op.settled && (op.durableMask & settling) == settling) {
      op.settled = true;
      op.settledNanos = session.now();
      session.window.onSettled(op);
    }
    int retained = set.retainedMask();
    while (!ops.isEmpty()
        && ops.peek().settled
        && (ops.peek().durableMask & retained) == retained) {
      session.window.forget(ops.remove());
    }
  }

  void settleAll() {
    List<WriteOp> kept = referenced();
    kept.forEach(this::settle);
    kept.forEach(WriteOp::dereference);
  }

  /**
   * The writes in the window: none of them becomes another one while somebody goes through them.
   */
  private List<WriteOp> referenced() {
    List<WriteOp> kept = List.copyOf(ops);
    kept.forEach(WriteOp::reference);
    return kept;
  }

  /** Whether the replica holds every write that was acknowledged, so that it may be promoted. */
  boolean holdsAllCompleted(OwnedReplica replica) {
    if (!replica.holdsAll) {
      replica.holdsAll = true;
      for (WriteOp op : ops) {
        replica.holdsAll &= !op.completed || (op.ackedMask & 1 << replica.bit) != 0;
      }
    }
    return replica.holdsAll;
  }

  /**
   * Whether the replica has all durable that anybody was told is, so that it may be promoted (I7).
   * The others may be ahead of it whenever somebody asks: so they wait for it from then on.
   */
  boolean hasDurableWhatIsPromised(OwnedReplica replica) {
    for (WriteOp op : ops) {
      boolean promised = op.settled || op.completed && op.durable;
      if (promised && (op.durableMask & 1 << replica.bit) == 0) {
        replica.joining = true;
        replica.node.sync(session.now());
        return false;
      }
    }
    return true;
  }

  /** Whether the set keeps enough replicas that hold everything when this one leaves (I3). */
  boolean canSpare(OwnedReplica leaving) {
    return holdersBeside(leaving) >= session.minInSync();
  }

  /** Whether the replica can be reached, and said that it lacks something of the chunk. */
  boolean isKnownToBeShort(OwnedReplica replica) {
    return set.isKnownToBeShort(replica);
  }

  /** Whether some replica in the set can be reached and holds everything. */
  boolean hasHolder() {
    return set.longest() != null;
  }

  /** In-sync replicas that can be reached and hold everything, beside this one. */
  int holdersBeside(OwnedReplica leaving) {
    int left = 0;
    for (OwnedReplica replica : replicas) {
      boolean unknown = state == State.CLOSED && replica.node.link.lostIncarnation() == 0;
      boolean holds = unknown || set.holdsEverything(replica);
      if (replica != leaving && replica.inSync() && replica.node.ready && holds) {
        left++;
      }
    }
    return left;
  }

  /** The record as the metadata has it now. */
  void adopt(ChunkRecord newer, long nowNanos) {
    if (newer.epoch() <= record.epoch()) {
      return;
    }
    record = newer;
    session.lookSoon();
    session.mending.moves.follow(this);
    set.takeThoseGone(newer).forEach(this::forget);
    for (Replica now : newer.replicas()) {
      OwnedReplica replica = set.on(now.nodeId());
      ReplicaState recorded = now.state();
      if (replica == null) {
        set.add(newer, now, nowNanos);
        continue;
      }
      if (replica.inSync() && recorded == ReplicaState.SYNCING && state != State.READY) {
        gateNanos = Math.max(gateNanos, session.ownership.gateFor(replica, nowNanos));
      }
      replica.recorded = recorded;
      if (replica.inSync()) {
        replica.promoting = false;
        replica.joining = false;
      }
      lookAtUnreadable(replica, nowNanos);
    }
    settleAll();
    equalize(nowNanos);
  }

  /**
   * The replica is none of the chunk's any more, and its bit may become another's. Nobody before us
   * can be reading it: only an owner whose chunk is ready takes replicas off the record.
   */
  private void forget(OwnedReplica replica) {
    if (state != State.READY) {
      throw new IllegalStateException(
          "a replica of chunk " + record.index() + " left the record while the chunk is " + state);
    }
    replica.reset();
    replicas.forEach(other -> other.unreadableAt &= ~(1 << replica.bit));
    replica.node.forget(this, replica.bit);
    for (WriteOp op : ops) {
      op.ackedMask &= ~(1 << replica.bit);
      op.durableMask &= ~(1 << replica.bit);
    }
  }

  void onNodeDown(OwnedNode node) {
    for (OwnedReplica replica : replicas) {
      if (replica.node == node) {
        replica.reset();
        replica.seen = false;
        replica.unreadableAt = 0;
        replica.retryAtNanos = Long.MIN_VALUE;
      }
    }
    mayBeGivenUp |= !set.isAnyInSyncReady();
  }

  /**
   * Asks again whoever can be asked; the catch-up of those out of sync is the session's to pace.
   */
  void poke(long nowNanos) {
    for (OwnedReplica replica : replicas) {
      if (replica.required()) {
        ask(replica, nowNanos);
      }
    }
    equalize(nowNanos);
  }

  boolean isCatchingUp() {
    return set.isCatchingUp();
  }

  /**
   * Writers wait for room, and the oldest write is kept for a replica that catches up, longer than
   * it may: that replica is dropped, and begins again later.
   */
  void dropWhoHoldsBack(long nowNanos) {
    WriteOp oldest = ops.peek();
    if (oldest == null
        || !oldest.settled
        || nowNanos - oldest.settledNanos < CatchUps.HOLD_BACK_NANOS) {
      return;
    }
    for (OwnedReplica replica : replicas) {
      if (!replica.required()
          && replica.takesWrites()
          && (oldest.durableMask & 1 << replica.bit) == 0) {
        replica.reset();
        replica.retryAtNanos = nowNanos + CatchUps.PUT_OFF_NANOS;
        session.counters.heldBack++;
      }
    }
    settleAll();
  }

  /** Whether something here still waits for a replica or for the metadata. */
  boolean isWaiting() {
    return state == State.OPENING || !ops.isEmpty() && !ops.peekLast().completed;
  }

  /** What the chunk waits for, for people. */
  void describe(StringBuilder text) {
    text.append("chunk ").append(record.index()).append(' ').append(state);
    text.append(" epoch ").append(record.epoch());
    text.append(" last ").append(Version.text(lastAssigned));
    text.append(", ").append(ops.size()).append(" writes kept");
    set.describe(text);
    text.append('\n');
  }

  void abandon() {
    for (WriteOp op : ops) {
      session.window.forget(op);
    }
    ops.clear();
    whenReady.clear();
  }
}
