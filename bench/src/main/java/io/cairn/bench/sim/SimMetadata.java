package io.cairn.bench.sim;

import io.cairn.bench.check.InvariantViolation;
import io.cairn.client.volume.MetadataCalls;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Submission;
import io.cairn.metadata.machine.MetadataMachine;
import io.cairn.metadata.machine.TreeKeyValues;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Departure;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.model.Shards;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.placement.Candidate;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiPredicate;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * The metadata group as its clients see it: an ordered log in front of the real machine. Fault
 * model: answers take time; the group is away for a while; an answer is lost and the client submits
 * the same number again, so that it reaches the log twice; a client gives up and its command is
 * applied afterwards. Queries are linearizable.
 */
final class SimMetadata {
  private static final long CLIENT_TIMEOUT_NANOS = 1_500_000_000L;

  private final SimWorld world;
  private final SimRandom random;
  private final Supplier<List<Candidate>> candidates;
  private final Consumer<VolumeRecord> onAcquired;
  private final Consumer<Command.UpdateReplicas> onProposed;

  /** Whether a node holds every write of a chunk. */
  private final BiPredicate<Long, ChunkRecord> holds;

  private final MetadataMachine machine;
  private final SimRecords records = new SimRecords();
  private long operatorNumber;
  private boolean down;
  private boolean calm;
  private Runnable onApplied = () -> {};
  private final Set<Integer> cutOff = new TreeSet<>();

  SimMetadata(
      SimWorld world,
      SimRandom random,
      Supplier<List<Candidate>> candidates,
      Consumer<VolumeRecord> onAcquired,
      Consumer<Command.UpdateReplicas> onProposed,
      BiPredicate<Long, ChunkRecord> holds,
      int answersMax) {
    machine = new MetadataMachine(new TreeKeyValues(), answersMax);
    this.world = world;
    this.random = random;
    this.candidates = candidates;
    this.onAcquired = onAcquired;
    this.onProposed = onProposed;
    this.holds = holds;
  }

  /** The state, for the oracles. */
  MetadataMachine machine() {
    return machine;
  }

  void setDown(boolean value) {
    world.log("metadata: " + (value ? "down" : "up"));
    down = value;
  }

  /** Hears that a command was applied. */
  void onApplied(Runnable listener) {
    onApplied = listener;
  }

  /** Whether one process reaches the group. */
  void setCut(SimProcess process, boolean value) {
    if (value) {
      cutOff.add(process.number());
    } else {
      cutOff.remove(process.number());
    }
  }

  /** Whether the process does not reach the group now. */
  boolean isAwayFor(SimProcess process) {
    return down || cutOff.contains(process.number());
  }

  /** No more lost answers. */
  void calm() {
    calm = true;
    down = false;
    cutOff.clear();
  }

  /** Runs an operator's command at once. */
  Reply operate(Command command) {
    return apply(1, ++operatorNumber, command);
  }

  private Reply apply(long client, long number, Command command) {
    List<ChunkRecord> before = changedBy(command);
    Set<ChunkRecord> recovering =
        command instanceof Command.RecoverVolume c ? chunksOf(c) : Set.of();
    VolumeRecord maintained =
        command instanceof Command.MaintainVolume c ? machine.state().volume(c.name()) : null;
    Reply reply = machine.apply(client, number, command, candidates.get());
    world.log("metadata: " + client + "." + number + " " + command + " -> " + reply);
    records.applied(command, reply, machine.state());
    List<ChunkRecord> after = changedBy(command);
    if (command instanceof Command.UpdateReplicas update) {
      for (int i = 0; i < after.size(); i++) {
        checkMove(update, update.changes().get(i), before.get(i), after.get(i));
      }
    }
    if (command instanceof Command.PlaceReplicas placing) {
      for (int i = 0; i < after.size(); i++) {
        checkPlacing(
            command, placing.volumeId(), placing.generation(), before.get(i), after.get(i));
      }
    }
    if (command instanceof Command.MoveReplicas moves) {
      for (int i = 0; i < after.size(); i++) {
        checkPlacing(command, moves.volumeId(), moves.generation(), before.get(i), after.get(i));
      }
    }
    for (int i = 0; i < after.size(); i++) {
      checkShards(command, before.get(i), after.get(i));
    }
    if (command instanceof Command.RecoverVolume c && reply instanceof Reply.Volume) {
      recovering.forEach(chunk -> checkRecovered(c, chunk));
    }
    if (reply instanceof Reply.VolumeAcquired
        && command instanceof Command.MaintainVolume c
        && maintained != null
        && maintained.generation() > c.expectedGeneration()
        && machine.state().volume(c.name()).generation() > maintained.generation()) {
      throw new InvariantViolation("I1", "maintenance takes from a later owner: " + maintained);
    }
    if (reply instanceof Reply.VolumeAcquired acquired) {
      onAcquired.accept(acquired.volume());
    }
    onApplied.run();
    return reply;
  }

  private List<ChunkRecord> changedBy(Command command) {
    List<ChunkRecord> chunks = new ArrayList<>();
    if (command instanceof Command.UpdateReplicas update) {
      for (Command.UpdateReplicas.Change change : update.changes()) {
        chunks.add(machine.state().chunk(update.volumeId(), change.layer(), change.index()));
      }
    }
    if (command instanceof Command.AllocateChunks allocate) {
      for (int index : allocate.indices()) {
        chunks.add(machine.state().chunk(allocate.volumeId(), allocate.layer(), index));
      }
    }
    if (command instanceof Command.PlaceReplicas place) {
      for (Command.PlaceReplicas.Placing placing : place.placings()) {
        chunks.add(machine.state().chunk(place.volumeId(), placing.layer(), placing.index()));
      }
    }
    if (command instanceof Command.MoveReplicas moves) {
      for (Command.MoveReplicas.Move move : moves.moves()) {
        chunks.add(machine.state().chunk(moves.volumeId(), move.layer(), move.index()));
      }
    }
    return chunks;
  }

  private Set<ChunkRecord> chunksOf(Command.RecoverVolume command) {
    long volumeId = machine.state().volume(command.name()).volumeId();
    return new LinkedHashSet<>(machine.state().chunks(volumeId, 0, 0, Integer.MAX_VALUE));
  }

  /** What is in sync is given up only when all of it is gone for good, by an operator's word. */
  private void checkRecovered(Command.RecoverVolume command, ChunkRecord before) {
    ChunkRecord after = machine.state().chunk(before.volumeId(), before.layer(), before.index());
    if (after.equals(before)) {
      return;
    }
    Set<Long> given = inSync(before);
    given.removeAll(inSync(after));
    // The only one may have lost everything itself, and stay the only one.
    for (long node : given.isEmpty() ? inSync(before) : given) {
      NodeRecord record = machine.state().node(node);
      boolean isUp = candidates.get().stream().anyMatch(up -> up.nodeId() == node);
      boolean isGone = !isUp && (record == null || record.departure() == Departure.FORCED);
      // What a device lost with which the node lives on, nobody but others could bring back.
      if (!isGone && (!isUp || holds.test(node, before))) {
        throw new InvariantViolation(
            "I3", "node " + node + " could come back, and " + command + " gives up " + before);
      }
    }
    if (after.inSyncCount() != 1
        || machine.state().volume(command.name()).generation() <= command.generation()) {
      throw new InvariantViolation("I3", command + " made " + after + " of " + before);
    }
  }

  /** Where replicas are may change, but never which of them are in sync (I3). */
  private void checkPlacing(
      Command command, long volumeId, long generation, ChunkRecord before, ChunkRecord after) {
    if (before == null || before.equals(after)) {
      return;
    }
    VolumeRecord volume = machine.state().volume(volumeId);
    if (volume.generation() != generation || after.epoch() <= before.epoch()) {
      throw new InvariantViolation("I3", before + " was changed by " + command + " to " + after);
    }
    if (!inSync(before).equals(inSync(after))) {
      throw new InvariantViolation("I3", "placing moved the in-sync set of " + before);
    }
    boolean moved =
        before.movesFromNodeId() != null
            && after.replicas().stream().noneMatch(r -> before.movesFrom(r.nodeId()));
    NodeRecord left = moved ? machine.state().node(before.movesFromNodeId()) : null;
    if (left != null && left.departure() == null && after.inSyncCount() < volume.replicas()) {
      throw new InvariantViolation("I3", "a move left fewer copies than wanted: " + after);
    }
  }

  /** Nobody gets a new replica on a shard that is out of service. */
  private void checkShards(Command command, ChunkRecord before, ChunkRecord after) {
    for (Replica replica : after == null ? List.<Replica>of() : after.replicas()) {
      long id = replica.nodeId();
      boolean isNew = before == null || before.replicas().stream().noneMatch(r -> r.nodeId() == id);
      if (isNew
          && candidates.get().stream()
              .filter(up -> up.nodeId() == id)
              .anyMatch(up -> up.lacks(Shards.shardOf(after, machine.state().node(id))))) {
        throw new InvariantViolation(
            "placement", command + " put " + after + " on a shard of " + id + " that is out");
      }
    }
  }

  private static Set<Long> inSync(ChunkRecord chunk) {
    Set<Long> nodes = new TreeSet<>();
    for (Replica replica : chunk.replicas()) {
      if (replica.state() == ReplicaState.IN_SYNC) {
        nodes.add(replica.nodeId());
      }
    }
    return nodes;
  }

  /** The in-sync set moves by compare-and-set only, and never below minInSync (I3). */
  private void checkMove(
      Command.UpdateReplicas update,
      Command.UpdateReplicas.Change change,
      ChunkRecord before,
      ChunkRecord after) {
    if (before == null || before.equals(after)) {
      return;
    }
    VolumeRecord volume = machine.state().volume(update.volumeId());
    if (volume.generation() != update.generation()) {
      throw new InvariantViolation(
          "I3", "generation " + volume.generation() + " was changed by " + update);
    }
    if (before.epoch() != change.expectedEpoch() || after.epoch() <= before.epoch()) {
      throw new InvariantViolation("I3", before + " was changed by " + change + " to " + after);
    }
    if (after.inSyncCount() < volume.minInSync()) {
      throw new InvariantViolation("I3", "fewer than minInSync are in sync: " + after);
    }
  }

  private Reply answerTo(Query query) {
    return switch (query) {
      case Query.GetChunks q ->
          new Reply.Chunks(
              machine.state().chunks(q.volumeId(), q.layer(), q.fromIndex(), q.limit()),
              machine.state().nodes());
      case Query.ConfirmGeneration q -> {
        VolumeRecord volume = machine.state().volume(q.volumeId());
        yield volume != null && volume.generation() == q.generation()
            ? new Reply.Ok()
            : new Reply.Refused(Reply.ErrorCode.STALE_GENERATION, "stale");
      }
      default -> throw new IllegalArgumentException(query.toString());
    };
  }

  /** A client of one life of a gateway. */
  MetadataCalls client(SimProcess process, long clientId) {
    return new Client(process, clientId);
  }

  private final class Client implements MetadataCalls {
    private final SimProcess process;
    private final int life;
    private final long clientId;
    private final Queue<Runnable> waiting = new ArrayDeque<>();
    private boolean busy;
    private long number;

    Client(SimProcess process, long clientId) {
      this.process = process;
      this.life = process.life();
      this.clientId = clientId;
    }

    /** Unless the process has died meanwhile: its next life knows nothing of what was asked. */
    private void inThisLife(long delayNanos, Runnable action) {
      if (process.isLife(life)) {
        world.after(process, delayNanos, action);
      }
    }

    private long hop() {
      return random.between(200_000L, random.oneIn(10) ? 60_000_000L : 3_000_000L);
    }

    @Override
    public void submit(Submission submission, Answer answer) {
      Command command = submission.command();
      // Asked again, it may come after the replica has lost its device: that is no new proposal.
      if (command instanceof Command.UpdateReplicas update && submission.number() == 0) {
        onProposed.accept(update);
      }
      waiting.add(
          () ->
              run(
                  command,
                  submission.sent(++number),
                  answer,
                  world.nowNanos() + CLIENT_TIMEOUT_NANOS));
      next();
    }

    private void next() {
      if (!busy && !waiting.isEmpty()) {
        busy = true;
        waiting.remove().run();
      }
    }

    private void end(Answer answer, Reply reply) {
      busy = false;
      answer.on(reply, world.nowNanos());
      next();
    }

    private void run(Command command, long commandNumber, Answer answer, long deadlineNanos) {
      if (world.nowNanos() >= deadlineNanos) {
        end(answer, null);
        return;
      }
      boolean lost = !calm && random.oneIn(12);
      boolean late = !calm && random.oneIn(40);
      // The command is on its way: it reaches the log even when the client dies meanwhile.
      world.after(
          hop() + (late ? random.between(0, 4_000_000_000L) : 0),
          () -> {
            if (isAwayFor(process) && late) {
              return;
            }
            if (isAwayFor(process)) {
              inThisLife(100_000_000L, () -> run(command, commandNumber, answer, deadlineNanos));
              return;
            }
            Reply reply = apply(clientId, commandNumber, command);
            if (late) {
              return;
            }
            inThisLife(
                hop() + (lost ? 200_000_000L : 0),
                () -> {
                  if (lost) {
                    run(command, commandNumber, answer, deadlineNanos);
                  } else {
                    end(answer, reply);
                  }
                });
          });
      if (late) {
        world.after(process, CLIENT_TIMEOUT_NANOS, () -> end(answer, null));
      }
    }

    @Override
    public void query(Query query, Answer answer) {
      boolean lost = !calm && random.oneIn(20);
      world.after(
          hop(),
          () -> {
            Reply reply = isAwayFor(process) || lost ? null : answerTo(query);
            inThisLife(
                reply == null ? 500_000_000L : hop(), () -> answer.on(reply, world.nowNanos()));
          });
    }
  }
}
