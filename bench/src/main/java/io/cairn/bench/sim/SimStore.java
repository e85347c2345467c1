package io.cairn.bench.sim;

import io.cairn.bench.check.InvariantViolation;
import io.cairn.storage.replication.ChunkEntry;
import io.cairn.storage.replication.MergeRule;
import io.cairn.storage.replication.ShardStore;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Version;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import org.agrona.DirectBuffer;
import org.agrona.collections.LongArrayList;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A shard's store in memory with the semantics that the journal promises: a list of records; a
 * process kill keeps all of them, a power loss keeps a prefix that holds at least what was durable.
 * Reads and syncs take time. A block may rot; a rotten block answers as unreadable.
 */
final class SimStore {
  private static final byte[] ZERO = new byte[Frame.BLOCK_BYTES];
  private static final int RECORD_BYTES = 64;

  private final SimWorld world;
  private final SimRandom random;
  private final List<Entry> log = new ArrayList<>();
  private long appendedLsn;
  private long durableLsn;
  private long answeredFence;
  private long lastLossNanos = Long.MIN_VALUE;
  private State state = new State();

  SimStore(SimWorld world, SimRandom random) {
    this.world = world;
    this.random = random;
  }

  /** What is in the journal; each record applies to a state. */
  private sealed interface Change {
    record Fence(long volumeId, long generation) implements Change {}

    record Create(Key key, int sizeBlocks) implements Change {}

    record Write(Key key, long version, int block, byte[][] blocks, int[] crcs) implements Change {}

    record Fill(Key key, long generation, int block, long[] versions, byte[][] blocks, int[] crcs)
        implements Change {}

    record Begin(Key key, long generation, long base) implements Change {}

    record End(Key key) implements Change {}
  }

  record Key(long volumeId, int layer, int index) implements Comparable<Key> {
    @Override
    public int compareTo(Key other) {
      int byVolume = Long.compare(volumeId, other.volumeId);
      if (byVolume != 0) {
        return byVolume;
      }
      return layer != other.layer
          ? Integer.compare(layer, other.layer)
          : Integer.compare(index, other.index);
    }
  }

  private record Entry(long endLsn, Change change) {}

  /** A chunk of this store. */
  static final class Chunk implements ChunkEntry {
    final Key key;
    final int sizeBlocks;
    final long[] versions;
    final byte[][] blocks;
    final int[] crcs;
    long lastVersion;
    boolean syncing;
    long syncGeneration;

    Chunk(Key key, int sizeBlocks) {
      this.key = key;
      this.sizeBlocks = sizeBlocks;
      versions = new long[sizeBlocks];
      blocks = new byte[sizeBlocks][];
      crcs = new int[sizeBlocks];
      Arrays.fill(blocks, ZERO);
      Arrays.fill(crcs, Crc32c.ZERO_BLOCK);
    }

    @Override
    public long volumeId() {
      return key.volumeId;
    }

    @Override
    public int layer() {
      return key.layer;
    }

    @Override
    public int index() {
      return key.index;
    }

    @Override
    public int sizeBlocks() {
      return sizeBlocks;
    }

    @Override
    public long lastVersion() {
      return lastVersion;
    }

    @Override
    public boolean syncing() {
      return syncing;
    }

    @Override
    public long syncGeneration() {
      return syncGeneration;
    }
  }

  private static final class State {
    final TreeMap<Long, Long> fences = new TreeMap<>();
    final TreeMap<Key, Chunk> chunks = new TreeMap<>();

    void apply(Change change) {
      switch (change) {
        case Change.Fence f -> fences.put(f.volumeId(), f.generation());
        case Change.Create c -> chunks.put(c.key(), new Chunk(c.key(), c.sizeBlocks()));
        case Change.Write w -> applyWrite(w);
        case Change.Fill f -> applyFill(f);
        case Change.Begin b -> {
          Chunk chunk = chunks.get(b.key());
          chunk.syncing = true;
          chunk.syncGeneration = b.generation();
          chunk.lastVersion = b.base();
        }
        case Change.End e -> {
          Chunk chunk = chunks.get(e.key());
          chunk.syncing = false;
          chunk.syncGeneration = 0;
        }
      }
    }

    private void applyWrite(Change.Write w) {
      Chunk chunk = chunks.get(w.key());
      for (int i = 0; i < w.blocks().length; i++) {
        int block = w.block() + i;
        long current = chunk.versions[block];
        if (!chunk.syncing || MergeRule.writeApplies(current, w.version())) {
          chunk.versions[block] = w.version();
          chunk.blocks[block] = w.blocks()[i];
          chunk.crcs[block] = w.crcs()[i];
        }
      }
      chunk.lastVersion = w.version();
    }

    private void applyFill(Change.Fill f) {
      Chunk chunk = chunks.get(f.key());
      for (int i = 0; i < f.blocks().length; i++) {
        int block = f.block() + i;
        long mine = chunk.versions[block];
        long theirs = f.versions()[i];
        if (MergeRule.replaces(mine, theirs, f.generation())) {
          chunk.versions[block] = theirs;
          chunk.blocks[block] = f.blocks()[i];
          chunk.crcs[block] = f.crcs()[i];
        }
      }
    }
  }

  /** Loses a random part of what is not durable; the process must be dead. */
  void losePower() {
    lastLossNanos = world.nowNanos();
    int keep = 0;
    while (keep < log.size() && log.get(keep).endLsn() <= durableLsn) {
      keep++;
    }
    keep += random.below(log.size() - keep + 1);
    world.log("store: power loss keeps " + keep + " of " + log.size() + " records");
    log.subList(keep, log.size()).clear();
    state = new State();
    for (Entry entry : log) {
      state.apply(entry.change());
    }
    if (answeredFence > 0 && state.fences.values().stream().noneMatch(g -> g >= answeredFence)) {
      throw new InvariantViolation("I1", "fence " + answeredFence + " was answered and lost");
    }
    appendedLsn = keep == 0 ? 0 : log.get(keep - 1).endLsn();
    durableLsn = appendedLsn;
  }

  /** The process died and its memory-mapped journal stayed; recovery syncs it. */
  void recover() {
    durableLsn = appendedLsn;
  }

  /** The replica answered a fence: nothing older may be taken from now on. */
  void fenceAnswered(long generation) {
    answeredFence = Math.max(answeredFence, generation);
    if (state.fences.values().stream().noneMatch(g -> g >= generation)) {
      throw new InvariantViolation("I1", "a fence was answered that is not stored");
    }
  }

  /** The chunks as they are, for the oracles. */
  Chunk chunk(long volumeId, int layer, int index) {
    return state.chunks.get(new Key(volumeId, layer, index));
  }

  /** A journal that would recover beyond a gap: for the proof that the oracles notice one. */
  void loseLastRecord() {
    log.removeLast();
  }

  /** When the power went last. */
  long lastLossNanos() {
    return lastLossNanos;
  }

  private long storedFence(long volumeId) {
    return state.fences.getOrDefault(volumeId, 0L);
  }

  /** Destroys a block so that its checksum fails; true when there was something to destroy. */
  boolean rot(long volumeId, int index, int block) {
    Chunk chunk = chunk(volumeId, 0, index);
    if (chunk == null || chunk.versions[block] == 0 || chunk.syncing) {
      return false;
    }
    byte[] bytes = chunk.blocks[block].clone();
    bytes[random.below(bytes.length)] ^= 0x10;
    chunk.blocks[block] = bytes;
    return true;
  }

  /** Whether the block's bytes match its checksum. */
  static boolean sound(Chunk chunk, int block) {
    return new Crc32c().of(new UnsafeBuffer(chunk.blocks[block]), 0, Frame.BLOCK_BYTES)
        == chunk.crcs[block];
  }

  /** A session of one life of the process with the store. */
  Session open(SimProcess process, SimPayload.Ledger ledger) {
    return new Session(process, ledger);
  }

  /** The store as one life of a process sees it. */
  class Session implements ShardStore {
    private final SimProcess process;
    private final SimPayload.Ledger ledger;
    private Listener listener;
    private boolean syncScheduled;

    Session(SimProcess process, SimPayload.Ledger ledger) {
      this.process = process;
      this.ledger = ledger;
    }

    void listener(Listener value) {
      listener = value;
    }

    private void require(ChunkEntry chunk, long version) {
      if (Version.generation(version) < answeredFence) {
        throw new InvariantViolation(
            "I1",
            process.name()
                + " took "
                + Version.text(version)
                + " after it answered fence "
                + answeredFence);
      }
      if (Version.sequence(version) != Version.sequence(chunk.lastVersion()) + 1) {
        throw new InvariantViolation(
            "I5",
            process.name()
                + " took "
                + Version.text(version)
                + " behind "
                + Version.text(chunk.lastVersion()));
      }
    }

    private void append(Change change, int bytes) {
      appendedLsn += RECORD_BYTES + bytes;
      log.add(new Entry(appendedLsn, change));
      state.apply(change);
      if (!syncScheduled) {
        syncScheduled = true;
        world.after(
            process,
            10_000_000L,
            () -> {
              syncScheduled = false;
              requestSync(appendedLsn);
            });
      }
    }

    @Override
    public long fence(long volumeId) {
      return storedFence(volumeId);
    }

    @Override
    public void appendFence(long volumeId, long generation) {
      append(new Change.Fence(volumeId, generation), 0);
    }

    @Override
    public ChunkEntry find(long volumeId, int layer, int index) {
      return chunk(volumeId, layer, index);
    }

    @Override
    public ChunkEntry create(long volumeId, int layer, int index, int sizeBlocks) {
      Key key = new Key(volumeId, layer, index);
      append(new Change.Create(key, sizeBlocks), 0);
      return state.chunks.get(key);
    }

    @Override
    public boolean hasRoom(int payloadBytes) {
      return true;
    }

    @Override
    public void appendWrite(
        ChunkEntry chunk,
        long version,
        int blockOffset,
        int blockCount,
        DirectBuffer crcs,
        int crcOffset,
        DirectBuffer payload,
        int payloadOffset) {
      require(chunk, version);
      byte[][] blocks = new byte[blockCount][Frame.BLOCK_BYTES];
      int[] sums = new int[blockCount];
      for (int i = 0; i < blockCount; i++) {
        payload.getBytes(payloadOffset + i * Frame.BLOCK_BYTES, blocks[i]);
        sums[i] = crcs.getInt(crcOffset + 4 * i, ByteOrder.LITTLE_ENDIAN);
      }
      append(
          new Change.Write(((Chunk) chunk).key, version, blockOffset, blocks, sums),
          blockCount * Frame.BLOCK_BYTES);
    }

    @Override
    public void appendZero(
        ChunkEntry chunk, long version, int blockOffset, int blockCount, boolean allocate) {
      require(chunk, version);
      byte[][] blocks = new byte[blockCount][];
      int[] sums = new int[blockCount];
      Arrays.fill(blocks, ZERO);
      Arrays.fill(sums, Crc32c.ZERO_BLOCK);
      append(new Change.Write(((Chunk) chunk).key, version, blockOffset, blocks, sums), 0);
    }

    @Override
    public void appendFill(
        ChunkEntry chunk,
        long ownerGeneration,
        int blockOffset,
        int blockCount,
        DirectBuffer versions,
        int versionsOffset,
        DirectBuffer crcs,
        int crcOffset,
        DirectBuffer payload,
        int payloadOffset) {
      long[] fetched = new long[blockCount];
      byte[][] blocks = new byte[blockCount][Frame.BLOCK_BYTES];
      int[] sums = new int[blockCount];
      for (int i = 0; i < blockCount; i++) {
        fetched[i] = versions.getLong(versionsOffset + 8 * i, ByteOrder.LITTLE_ENDIAN);
        payload.getBytes(payloadOffset + i * Frame.BLOCK_BYTES, blocks[i]);
        sums[i] = crcs.getInt(crcOffset + 4 * i, ByteOrder.LITTLE_ENDIAN);
      }
      append(
          new Change.Fill(((Chunk) chunk).key, ownerGeneration, blockOffset, fetched, blocks, sums),
          blockCount * Frame.BLOCK_BYTES);
    }

    @Override
    public void appendSyncBegin(ChunkEntry chunk, long ownerGeneration, long base) {
      append(new Change.Begin(((Chunk) chunk).key, ownerGeneration, base), 0);
    }

    @Override
    public void appendSyncEnd(ChunkEntry chunk) {
      append(new Change.End(((Chunk) chunk).key), 0);
    }

    @Override
    public long appendedLsn() {
      return appendedLsn;
    }

    @Override
    public long durableLsn() {
      return durableLsn;
    }

    @Override
    public void requestSync(long lsn) {
      long target = appendedLsn;
      if (durableLsn >= target) {
        return;
      }
      long delay = random.between(100_000L, random.oneIn(20) ? 30_000_000L : 2_000_000L);
      world.after(
          process,
          delay,
          () -> {
            if (durableLsn < target) {
              durableLsn = target;
              listener.onDurable(durableLsn);
            }
          });
    }

    private void later(Runnable action) {
      if (random.oneIn(2)) {
        action.run();
      } else {
        world.after(process, random.between(10_000L, 3_000_000L), action);
      }
    }

    @Override
    public void read(ChunkEntry entry, int blockOffset, int blockCount, ReadSink sink) {
      Chunk chunk = (Chunk) entry;
      later(
          () -> {
            byte[] bytes = new byte[blockCount * Frame.BLOCK_BYTES];
            for (int i = 0; i < blockCount; i++) {
              if (!sound(chunk, blockOffset + i)) {
                sink.onUnreadable(blockOffset + i, "checksum");
                return;
              }
              System.arraycopy(
                  chunk.blocks[blockOffset + i],
                  0,
                  bytes,
                  i * Frame.BLOCK_BYTES,
                  Frame.BLOCK_BYTES);
            }
            SimPayload payload = SimPayload.of(ledger, bytes);
            sink.onBlocks(
                Arrays.copyOfRange(chunk.crcs, blockOffset, blockOffset + blockCount),
                Arrays.copyOfRange(chunk.versions, blockOffset, blockOffset + blockCount),
                payload);
            payload.release();
          });
    }

    @Override
    public void readVersions(ChunkEntry entry, int blockOffset, int blockCount, VersionsSink sink) {
      Chunk chunk = (Chunk) entry;
      later(
          () -> {
            LongArrayList values = new LongArrayList();
            for (int i = 0; i < blockCount; i++) {
              values.addLong(chunk.versions[blockOffset + i]);
            }
            sink.onVersions(values);
          });
    }

    @Override
    public void readExtents(ChunkEntry entry, int blockOffset, int blockCount, VersionsSink sink) {
      Chunk chunk = (Chunk) entry;
      later(
          () -> {
            LongArrayList values = new LongArrayList();
            for (int i = 0; i < blockCount; i++) {
              values.addLong(blockOffset + i);
              values.addLong(1);
              values.addLong(chunk.versions[blockOffset + i] == 0 ? 0 : 2);
            }
            sink.onVersions(values);
          });
    }

    @Override
    public void trashVolume(long volumeId) {
      state.chunks.keySet().removeIf(key -> key.volumeId == volumeId);
    }
  }
}
