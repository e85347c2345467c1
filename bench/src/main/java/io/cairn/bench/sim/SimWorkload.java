package io.cairn.bench.sim;

import io.cairn.bench.check.BlockHistory;
import io.cairn.bench.check.InvariantViolation;
import io.cairn.client.volume.VolumeIo;
import io.cairn.client.volume.VolumeSession;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.storage.wire.Reply;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Clients that read and write a few hot blocks, each cell (half a block) stamped with a number of
 * its own, and the history of every cell.
 */
final class SimWorkload {
  static final int CELL = 2048;
  private static final int BLOCK = 4096;
  private static final int CHUNK_BLOCKS = SimCluster.CHUNK_BYTES / BLOCK;
  private static final int[] HOT = {0, 1, 2, 3, 254, 255, 256, 257, 300, 511, 512, 700};

  private final SimCluster cluster;
  private final SimRandom random;
  private final int blockCount;
  private final Map<Integer, BlockHistory> histories = new TreeMap<>();
  private final List<Tracked> acknowledged = new ArrayList<>();
  private final List<int[]> clients = new ArrayList<>();
  private long nextValue = 0x1000;
  private boolean running = true;
  private int leftAlone;
  private SimUnreadable unreadable;
  private int[] rotting = new int[0];
  private final Set<Pending> pending = new LinkedHashSet<>();
  private long answered;
  private long nextPending;

  /** A request that was not answered yet; compared by identity of what it asks. */
  private record Pending(SimGateway gateway, VolumeSession session, String what, long number) {
    boolean counts() {
      return gateway.session() == session && gateway.process.isUp();
    }
  }

  private Pending pend(VolumeSession session, String what) {
    cluster.world().log(what);
    Pending made = new Pending(gatewayOf(session), session, what, ++nextPending);
    pending.add(made);
    return made;
  }

  /** What waits, for people. */
  String describePending() {
    StringBuilder text = new StringBuilder();
    for (Pending one : pending) {
      if (one.counts()) {
        text.append("  waits: ").append(one.what()).append('\n');
      }
    }
    return text.toString();
  }

  /** A write, and where it lies in the journals of the replicas since it was acknowledged. */
  private record Tracked(int cell, BlockHistory.Write write, Map<Long, Long> lsns) {
    Tracked(int cell, BlockHistory.Write write) {
      this(cell, write, new TreeMap<>());
    }

    int block() {
      return cell / 2 % CHUNK_BLOCKS;
    }

    int chunk() {
      return cell / 2 / CHUNK_BLOCKS;
    }
  }

  SimWorkload(SimCluster cluster, SimRandom random, int chunkCount) {
    this.cluster = cluster;
    this.random = random;
    blockCount = chunkCount * SimCluster.CHUNK_BYTES / BLOCK;
  }

  /** Blocks may become unreadable everywhere: they are used more than others. */
  void uses(SimUnreadable blocks) {
    unreadable = blocks;
    rotting = blocks.blocks();
  }

  /** Clients leave chunks alone, the last ones, until they are told that they need not. */
  void leavesAlone(int chunks) {
    leftAlone = chunks;
  }

  /** Has the session that the gateway serves by act, unless there is none or enough waits. */
  void by(SimGateway gateway, Consumer<VolumeSession> action) {
    VolumeSession session = gateway.serving();
    if (!running || session == null || pending.size() >= 400) {
      return;
    }
    int life = gateway.lifeKey();
    gateway.process.run(
        () -> {
          if (gateway.serving() == session && gateway.lifeKey() == life) {
            action.accept(session);
          }
        });
  }

  /** Reads whole blocks, of one chunk or of two. */
  void read(VolumeSession session, int block, int count) {
    read(session, block * 2, count * 2, () -> {});
  }

  /** Where a reader of so many blocks goes on after those; from the end, at the beginning. */
  int follows(int block, int count) {
    return block + 2 * count <= blockCount ? block + count : 0;
  }

  int blockCount() {
    return blockCount;
  }

  int chunkCount() {
    return blockCount / CHUNK_BLOCKS;
  }

  /** A block of the chunk. */
  int blockOf(int chunk) {
    return chunk * CHUNK_BLOCKS + 100;
  }

  /** The first block of some chunk. */
  int someChunk(SimRandom draws) {
    return draws.below(chunkCount()) * CHUNK_BLOCKS;
  }

  long answered() {
    return answered;
  }

  /** Requests that live sessions have not answered. */
  long underWay() {
    return pending.stream().filter(Pending::counts).count();
  }

  void stop() {
    running = false;
  }

  /** Starts a closed loop of requests that goes to whichever session of the gateway serves. */
  void addClient(SimGateway gateway) {
    loop(gateway, clients.size());
    clients.add(new int[] {0});
  }

  /**
   * Starts reads that do not wait for each other: an owner that nobody lets write goes on reading,
   * which is how a stale one shows.
   */
  void addReader(SimGateway gateway) {
    cluster
        .world()
        .after(
            random.between(5_000_000L, 60_000_000L),
            () -> {
              if (!running) {
                return;
              }
              by(gateway, session -> read(session, () -> {}));
              addReader(gateway);
            });
  }

  private void loop(SimGateway gateway, int client) {
    long think = random.oneIn(3) ? 0 : random.between(0, 25_000_000L);
    cluster
        .world()
        .after(
            think,
            () -> {
              if (!running) {
                return;
              }
              VolumeSession session = gateway.serving();
              if (session == null) {
                cluster.world().after(30_000_000L, () -> loop(gateway, client));
                return;
              }
              // A dead or stalled process has clients that wait; new ones come with its next life.
              issue(gateway, session, client);
            });
  }

  private void issue(SimGateway gateway, VolumeSession session, int client) {
    int life = gateway.lifeKey();
    boolean[] over = new boolean[1];
    Runnable next =
        () -> {
          if (over[0]) {
            throw new InvariantViolation("liveness", "a request was answered twice");
          }
          over[0] = true;
          answered++;
          loop(gateway, client);
        };
    // When the process dies its clients begin anew with the next life.
    watch(gateway, life, over, client);
    gateway.process.run(
        () -> {
          if (gateway.lifeKey() != life || !gateway.process.isUp()) {
            return;
          }
          int kind = random.below(20);
          if (kind < 8) {
            read(session, next);
          } else if (kind < 16) {
            write(session, next);
          } else if (kind < 18) {
            zero(session, next);
          } else {
            flush(session, next);
          }
        });
  }

  private void watch(SimGateway gateway, int life, boolean[] over, int client) {
    cluster
        .world()
        .after(
            500_000_000L,
            () -> {
              if (over[0]) {
                return;
              }
              if (gateway.lifeKey() != life || !gateway.process.isUp()) {
                over[0] = true;
                loop(gateway, client);
              } else {
                watch(gateway, life, over, client);
              }
            });
  }

  /** Mostly blocks that many use; now and then one of a chunk that may not exist yet. */
  private int startBlock(int count, int rareOneIn) {
    if (rotting.length > 0 && random.oneIn(3)) {
      return Math.min(rotting[random.below(rotting.length)], blockCount - count);
    }
    int block =
        random.oneIn(rareOneIn)
            ? blockOf(random.below(chunkCount() - leftAlone))
            : HOT[random.below(HOT.length)];
    return Math.min(block, blockCount - count);
  }

  private BlockHistory history(int cell) {
    return histories.computeIfAbsent(
        cell, c -> new BlockHistory("block " + c / 2 + " half " + c % 2));
  }

  private void read(VolumeSession session, Runnable next) {
    int blocks = 1 + random.below(3);
    int first = startBlock(blocks, 3) * 2;
    boolean part = random.oneIn(4);
    read(session, part ? first + random.below(2) : first, part ? 1 : blocks * 2, next);
  }

  private void read(VolumeSession session, int first, int cells, Runnable next) {
    long begin = cluster.world().nowNanos();
    long generation = session.generation();
    String text = "client: read cells " + first + "+" + cells;
    Pending mine = pend(session, text);
    unreadable.begins(first / 2, (first % 2 + cells + 1) / 2);
    session.read(
        (long) first * CELL,
        cells * CELL,
        (payload, failure) -> {
          pending.remove(mine);
          cluster.world().log(text + " -> " + failure);
          requireReadable(failure, first, cells, begin, text);
          if (failure == null) {
            for (int i = 0; i < cells; i++) {
              long value = valueOf(payload.buffer(), payload.offset() + i * CELL, first + i);
              history(first + i).read(value, begin, cluster.world().nowNanos(), generation);
            }
          }
          next.run();
        });
  }

  /** Asks where data is: what is a hole, or zero, is read as zero. */
  void extents(VolumeSession session, int block, int count) {
    long begin = cluster.world().nowNanos();
    long generation = session.generation();
    String text = "client: extents of blocks " + block + "+" + count;
    Pending mine = pend(session, text);
    session.extents(
        (long) block * BLOCK,
        (long) count * BLOCK,
        (lengths, kinds, found, failure) -> {
          pending.remove(mine);
          cluster.world().log(text + " -> " + (failure == null ? found : failure));
          long at = (long) block * BLOCK;
          for (int i = 0; i < found; i++) {
            if (kinds[i] != Reply.EXTENT_DATA) {
              zeroes(at, at + lengths[i], begin, generation);
            }
            at += lengths[i];
          }
          if (at > (long) (block + count) * BLOCK || failure == null && found == 0) {
            throw new InvariantViolation("I8", text + ": answered up to byte " + at);
          }
        });
  }

  private void zeroes(long from, long to, long begin, long generation) {
    for (int cell = (int) (from / CELL); cell < to / CELL; cell++) {
      BlockHistory history = histories.get(cell);
      if (history != null) {
        history.read(0, begin, cluster.world().nowNanos(), generation);
      }
    }
  }

  /** A block is unreadable only while nobody in sync has a good copy. */
  private void requireReadable(
      VolumeIo.Failure failure, int first, int cells, long begin, String text) {
    if (failure == VolumeIo.Failure.UNREADABLE
        && !unreadable.mayBeUnreadable(first / 2, (first % 2 + cells + 1) / 2, begin)) {
      throw new InvariantViolation(
          "I8",
          text
              + ": no readable copy, and there is one:"
              + unreadable.describe(first / 2, (first % 2 + cells + 1) / 2));
    }
  }

  private static long valueOf(DirectBuffer buffer, int offset, int cell) {
    long value = buffer.getLong(offset, ByteOrder.LITTLE_ENDIAN);
    for (int i = 8; i < CELL; i += 8) {
      if (buffer.getLong(offset + i, ByteOrder.LITTLE_ENDIAN) != value) {
        throw new InvariantViolation("I8", "cell " + cell + " is torn at byte " + i);
      }
    }
    return value;
  }

  private void write(VolumeSession session, Runnable next) {
    boolean part = random.oneIn(4);
    int blocks = 1 + random.below(3);
    int first = startBlock(blocks, 40) * 2 + (part ? random.below(2) : 0);
    write(session, first, part ? 1 : blocks * 2, random.oneIn(8), next);
  }

  /** Writes one whole block. */
  void write(VolumeSession session, int block) {
    write(session, block * 2, 2, false, () -> {});
  }

  private void write(VolumeSession session, int first, int cells, boolean fua, Runnable next) {
    byte[] bytes = new byte[cells * CELL];
    UnsafeBuffer view = new UnsafeBuffer(bytes);
    long now = cluster.world().nowNanos();
    List<Tracked> writes = new ArrayList<>();
    long[] values = new long[cells];
    for (int i = 0; i < cells; i++) {
      values[i] = ++nextValue;
      for (int at = 0; at < CELL; at += 8) {
        view.putLong(i * CELL + at, values[i], ByteOrder.LITTLE_ENDIAN);
      }
      writes.add(
          new Tracked(first + i, history(first + i).write(values[i], now, session.generation())));
    }
    String text =
        "client: write cells "
            + first
            + "+"
            + cells
            + " from "
            + Long.toHexString(values[0])
            + (fua ? " fua" : "");
    Pending mine = pend(session, text);
    unreadable.begins(first / 2, (first % 2 + cells + 1) / 2);
    SimPayload payload = SimPayload.of(gatewayOf(session).ledger(), bytes);
    session.write(
        (long) first * CELL,
        payload,
        fua,
        failure -> {
          pending.remove(mine);
          cluster.world().log(text + " -> " + failure);
          requireReadable(failure, first, cells, now, text);
          if (failure == null) {
            acknowledge(session, writes, fua);
          }
          next.run();
        });
    payload.release();
  }

  private SimGateway gatewayOf(VolumeSession session) {
    for (SimGateway gateway : cluster.gateways()) {
      if (gateway.session() == session) {
        return gateway;
      }
    }
    throw new IllegalStateException("whose session is it?");
  }

  private void acknowledge(VolumeSession session, List<Tracked> writes, boolean durable) {
    boolean owner = session.generation() == cluster.volume().generation();
    // The parts of a request over two chunks end by themselves, and others may follow them.
    boolean whole = writes.getFirst().chunk() == writes.getLast().chunk();
    for (Tracked tracked : writes) {
      tracked.write().acknowledged(cluster.world().nowNanos());
      if (owner) {
        checkEverywhere(tracked, whole);
      }
      if (durable) {
        flushed(session, tracked);
      } else {
        acknowledged.add(tracked);
      }
    }
  }

  /** Acknowledged means that all in-sync replicas on record hold it (I2). */
  private void checkEverywhere(Tracked tracked, boolean whole) {
    ChunkRecord record = cluster.record(tracked.chunk());
    int block = tracked.block();
    int holders = 0;
    for (Replica replica : record.replicas()) {
      if (replica.state() != ReplicaState.IN_SYNC) {
        continue;
      }
      SimStore store = cluster.storeOf(replica.nodeId(), tracked.chunk());
      StoreModel.Chunk chunk = cluster.chunk(replica.nodeId(), tracked.chunk());
      if (chunk != null && holds(chunk, tracked)) {
        if (whole) {
          tracked.lsns().put(replica.nodeId(), chunk.lsns[block]);
        }
        holders++;
      } else if (store.model().lastLossNanos() >= tracked.write().begin()
          || chunk != null && !store.isSound(chunk, block)) {
        // What power took away comes back out of the owner's window.
        holders++;
      } else {
        throw new InvariantViolation(
            "I2",
            "cell "
                + tracked.cell()
                + " value "
                + Long.toHexString(tracked.write().value())
                + " was acknowledged, but node "
                + replica.nodeId()
                + " is in sync on record and lacks it: "
                + record);
      }
    }
    if (holders < cluster.volume().minInSync()) {
      throw new InvariantViolation("I2", "acknowledged with " + holders + " holders: " + record);
    }
  }

  private boolean holds(StoreModel.Chunk chunk, Tracked tracked) {
    long value =
        new UnsafeBuffer(chunk.blocks[tracked.block()])
            .getLong(tracked.cell() % 2 * CELL, ByteOrder.LITTLE_ENDIAN);
    return history(tracked.cell()).mayHold(value, tracked.write());
  }

  /** A flush or FUA that covers the write was answered: it is durable on every replica (I7). */
  private void flushed(VolumeSession session, Tracked tracked) {
    tracked.write().flushed(session.generation());
    if (session.generation() != cluster.volume().generation()
        || session.generation() != tracked.write().generation()
        || tracked.lsns().isEmpty()) {
      return;
    }
    for (Replica replica : cluster.record(tracked.chunk()).replicas()) {
      SimStore store = cluster.storeOf(replica.nodeId(), tracked.chunk());
      Long lsn = tracked.lsns().get(replica.nodeId());
      if (replica.state() == ReplicaState.IN_SYNC
          && lsn != null
          && lsn > store.durableLsn()
          && store.model().lastLossNanos() < tracked.write().begin()) {
        throw new InvariantViolation(
            "I7",
            "cell "
                + tracked.cell()
                + " was flushed, but is not durable on node "
                + replica.nodeId());
      }
    }
  }

  private void zero(VolumeSession session, Runnable next) {
    boolean part = random.oneIn(4);
    int blocks = 1 + random.below(2);
    int first = startBlock(blocks, 40) * 2 + (part ? random.below(2) : 0);
    int cells = part ? 1 : blocks * 2;
    boolean punch = random.oneIn(2);
    boolean fua = random.oneIn(8);
    long now = cluster.world().nowNanos();
    List<Tracked> writes = new ArrayList<>();
    for (int cell = first; cell < first + cells; cell++) {
      writes.add(new Tracked(cell, history(cell).write(0, now, session.generation())));
    }
    String text = "client: " + (punch ? "trim" : "zero") + " cells " + first + "+" + cells;
    Pending mine = pend(session, text);
    unreadable.begins(first / 2, (first % 2 + cells + 1) / 2);
    session.zero(
        (long) first * CELL,
        (long) cells * CELL,
        punch,
        fua,
        failure -> {
          pending.remove(mine);
          cluster.world().log(text + " -> " + failure);
          requireReadable(failure, first, cells, now, text);
          if (failure == null) {
            for (Tracked tracked : writes) {
              tracked.write().acknowledged(cluster.world().nowNanos());
              if (fua) {
                tracked.write().flushed(session.generation());
              } else {
                acknowledged.add(tracked);
              }
            }
          }
          next.run();
        });
  }

  /** A flush covers what any owner up to this one had acknowledged before. */
  private void flush(VolumeSession session, Runnable next) {
    List<Tracked> covered =
        acknowledged.stream()
            .filter(tracked -> tracked.write().generation() <= session.generation())
            .toList();
    Pending mine = pend(session, "client: flush");
    session.flush(
        failure -> {
          pending.remove(mine);
          cluster.world().log("client: flush -> " + failure);
          if (failure == null) {
            covered.forEach(tracked -> flushed(session, tracked));
            acknowledged.removeAll(covered);
          }
          next.run();
        });
  }

  /** Reads every hot block once more through a session, and something of every chunk. */
  void readAll(VolumeSession session) {
    for (int block = 100; block < blockCount; block += CHUNK_BLOCKS) {
      read(session, block * 2, 2, () -> {});
    }
    for (int block : HOT) {
      if (block < blockCount) {
        read(session, block * 2, 2, () -> {});
      }
    }
  }

  void check() {
    histories.forEach(
        (cell, history) ->
            history.check(
                cluster.losses().acceptedGenerations(cell / 2 / CHUNK_BLOCKS),
                cluster.losses().lossyGenerations(cell / 2 / CHUNK_BLOCKS)));
  }
}
