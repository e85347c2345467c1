package io.cairn.bench.sim;

import io.cairn.bench.sim.StoreModel.Change;
import io.cairn.bench.sim.StoreModel.Chunk;
import io.cairn.bench.sim.StoreModel.Key;
import io.cairn.storage.replication.ChunkEntry;
import io.cairn.storage.replication.ChunkName;
import io.cairn.storage.replication.ShardStore;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Version;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.agrona.DirectBuffer;
import org.agrona.collections.LongArrayList;

/**
 * A shard's store in memory with the semantics that the journal promises. Fault model: a process
 * kill keeps every record; a power loss keeps a prefix that holds at least what was durable. Reads
 * and syncs take time, now and then much. The journal may be full for a while, and there may be no
 * space for another chunk. A block may rot; a rotten block answers as unreadable. The device may
 * fail: nothing more becomes durable, until the process starts again with what was.
 */
final class ModelStore implements SimStore {
  private static final int RECORD_BYTES = 64;

  private final SimWorld world;
  private final SimRandom random;
  private final StoreModel model;
  private Session session;
  private long appendedLsn;
  private long durableLsn;
  private final Map<Key, Long> leaving = new TreeMap<>();
  private final RotMarks rotten = new RotMarks();
  private boolean full;
  private boolean spaceless;
  private boolean failed;
  private long slowNanos;

  ModelStore(SimWorld world, SimRandom random, StoreModel model) {
    this.world = world;
    this.random = random;
    this.model = model;
  }

  @Override
  public StoreModel model() {
    return model;
  }

  @Override
  public long durableLsn() {
    return durableLsn;
  }

  /** Loses a random part of what is not durable; the process must be dead. */
  @Override
  public void losePower() {
    int least = model.count(durableLsn);
    int keep = least + random.below(model.count() - least + 1);
    world.log("store: power loss keeps " + keep + " of " + model.count() + " records");
    appendedLsn = model.endOf(keep);
    model.powerLost(world.nowNanos());
    model.cut(appendedLsn);
    durableLsn = appendedLsn;
    rotAgain();
  }

  /** The model's chunks were made anew of their records; the device has what it had. */
  private void rotAgain() {
    for (Chunk chunk : model.chunks()) {
      for (int block = 0; block < chunk.sizeBlocks; block++) {
        if (rotten.isMarked(chunk, block)) {
          flip(chunk, block, 0);
        }
      }
    }
  }

  private static void flip(Chunk chunk, int block, int at) {
    byte[] bytes = chunk.blocks[block].clone();
    bytes[at] ^= 0x10;
    chunk.blocks[block] = bytes;
  }

  @Override
  public void replace() {
    model.replaced(world.nowNanos());
    rotten.clear();
    appendedLsn = 0;
    durableLsn = 0;
  }

  /** The journal has no room until it is told otherwise. */
  @Override
  public void setFull(boolean value) {
    full = value;
    if (!full && session != null) {
      Session current = session;
      world.after(current.process, 1_000L, () -> current.listener.onRoom());
    }
  }

  @Override
  public void setSpaceless(boolean value) {
    spaceless = value;
  }

  /** Time that every read and sync takes longer. */
  @Override
  public void setSlow(long nanos) {
    slowNanos = nanos;
  }

  /** The device fails under the running process. */
  @Override
  public void fail() {
    failed = true;
    if (session != null) {
      Session current = session;
      world.after(current.process, 1_000L, () -> current.listener.onFailed("simulated"));
    }
  }

  @Override
  public boolean isFailed() {
    return failed;
  }

  /** No more faults. */
  @Override
  public void heal() {
    setFull(false);
    spaceless = false;
    slowNanos = 0;
  }

  @Override
  public boolean rot(Chunk chunk, int block) {
    flip(chunk, block, random.below(Frame.BLOCK_BYTES));
    rotten.mark(chunk, block);
    return true;
  }

  @Override
  public boolean loseWrite(Chunk chunk, int block) {
    chunk.versions[block] = 0;
    chunk.blocks[block] = StoreModel.ZERO;
    chunk.crcs[block] = Crc32c.ZERO_BLOCK;
    return true;
  }

  @Override
  public boolean isSound(Chunk chunk, int block) {
    return StoreModel.sound(chunk, block);
  }

  /** The store as one life of a process sees it: recovery syncs what a killed process left. */
  @Override
  public Session open(SimProcess process, SimPayload.Ledger ledger) {
    durableLsn = appendedLsn;
    failed = false;
    leaving.clear();
    session = new Session(process, ledger);
    return session;
  }

  /** What a read found; no bytes when a block is bad. */
  private record Blocks(byte[] bytes, int[] crcs, long[] versions, int bad) {}

  /** One life of a process with the store. */
  final class Session implements SimStore.Session, ShardStore {
    private final SimProcess process;
    private final SimPayload.Ledger ledger;
    private Listener listener;
    private boolean syncScheduled;

    private Session(SimProcess process, SimPayload.Ledger ledger) {
      this.process = process;
      this.ledger = ledger;
    }

    @Override
    public ShardStore store() {
      return this;
    }

    @Override
    public void start(Listener shard) {
      listener = shard;
    }

    private void append(Change change, int bytes) {
      appendedLsn += RECORD_BYTES + bytes;
      model.append(appendedLsn, change);
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
      return model.fence(volumeId);
    }

    @Override
    public void appendFence(long volumeId, long generation) {
      append(new Change.Fence(volumeId, generation), 0);
    }

    @Override
    public ChunkEntry find(long volumeId, int layer, int index) {
      return model.chunk(volumeId, layer, index);
    }

    @Override
    public ChunkEntry create(long volumeId, int layer, int index, int sizeBlocks) {
      return createSyncing(volumeId, layer, index, sizeBlocks, 0);
    }

    @Override
    public ChunkEntry createSyncing(
        long volumeId, int layer, int index, int sizeBlocks, long ownerGeneration) {
      if (spaceless) {
        return null;
      }
      append(new Change.Create(new Key(volumeId, layer, index), sizeBlocks, ownerGeneration), 0);
      return model.chunk(volumeId, layer, index);
    }

    @Override
    public boolean hasRoom(int payloadBytes) {
      return !full;
    }

    @Override
    public boolean appendWrite(
        ChunkEntry chunk,
        long version,
        int blockOffset,
        int blockCount,
        DirectBuffer crcs,
        int crcOffset,
        DirectBuffer payload,
        int payloadOffset) {
      if (!new Crc32c().holds(payload, payloadOffset, blockCount, crcs, crcOffset)) {
        return false;
      }
      byte[][] blocks = new byte[blockCount][Frame.BLOCK_BYTES];
      int[] sums = new int[blockCount];
      for (int i = 0; i < blockCount; i++) {
        payload.getBytes(payloadOffset + i * Frame.BLOCK_BYTES, blocks[i]);
        sums[i] = crcs.getInt(crcOffset + 4 * i, ByteOrder.LITTLE_ENDIAN);
      }
      append(
          new Change.Write(((Chunk) chunk).key, version, blockOffset, blocks, sums),
          blockCount * Frame.BLOCK_BYTES);
      return true;
    }

    @Override
    public void appendZero(
        ChunkEntry chunk, long version, int blockOffset, int blockCount, boolean allocate) {
      byte[][] blocks = new byte[blockCount][];
      int[] sums = new int[blockCount];
      Arrays.fill(blocks, StoreModel.ZERO);
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
    public void appendUnreadable(ChunkEntry chunk, long ownerGeneration, int block, long version) {
      append(Change.unreadable(((Chunk) chunk).key, ownerGeneration, block, version), 0);
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
    public void trashVolume(long volumeId) {
      if (model.fence(volumeId) != Version.GENERATION_MAX) {
        append(new Change.Trash(volumeId), 0);
      }
    }

    @Override
    public void trashChunk(ChunkEntry chunk) {
      Key key = ((Chunk) chunk).key;
      append(new Change.TrashChunk(key), 0);
      leaving.put(key, appendedLsn);
    }

    @Override
    public boolean isLeaving(long volumeId, int layer, int index) {
      return leaving.getOrDefault(new Key(volumeId, layer, index), 0L) > durableLsn;
    }

    @Override
    public List<ChunkName> chunksAfter(ChunkName after, int countMax) {
      return model.chunksAfter(after, countMax);
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
          delay + slowNanos,
          () -> {
            if (durableLsn < target && !failed) {
              durableLsn = target;
              listener.onDurable(durableLsn);
            }
          });
    }

    private void later(Runnable action) {
      if (slowNanos == 0 && random.oneIn(2)) {
        action.run();
      } else {
        world.after(process, random.between(10_000L, 3_000_000L) + slowNanos, action);
      }
    }

    /** What is answered late may have been read early. */
    @Override
    public void read(ChunkEntry entry, int blockOffset, int blockCount, ReadSink sink) {
      if (random.oneIn(2)) {
        Blocks early = blocks((Chunk) entry, blockOffset, blockCount);
        later(() -> answer(early, sink));
      } else {
        later(() -> answer(blocks((Chunk) entry, blockOffset, blockCount), sink));
      }
    }

    private Blocks blocks(Chunk chunk, int blockOffset, int blockCount) {
      byte[] bytes = new byte[blockCount * Frame.BLOCK_BYTES];
      for (int i = 0; i < blockCount; i++) {
        if (!StoreModel.sound(chunk, blockOffset + i)) {
          return new Blocks(null, null, null, blockOffset + i);
        }
        System.arraycopy(
            chunk.blocks[blockOffset + i], 0, bytes, i * Frame.BLOCK_BYTES, Frame.BLOCK_BYTES);
      }
      return new Blocks(
          bytes,
          Arrays.copyOfRange(chunk.crcs, blockOffset, blockOffset + blockCount),
          Arrays.copyOfRange(chunk.versions, blockOffset, blockOffset + blockCount),
          -1);
    }

    private void answer(Blocks blocks, ReadSink sink) {
      if (blocks.bytes() == null) {
        sink.onUnreadable(blocks.bad(), "checksum");
        return;
      }
      SimPayload payload = SimPayload.of(ledger, blocks.bytes());
      sink.onBlocks(blocks.crcs(), blocks.versions(), payload);
      payload.release();
    }

    @Override
    public void verify(
        ChunkEntry entry, int blockOffset, int blockCount, boolean data, ReadSink sink) {
      Chunk chunk = (Chunk) entry;
      later(
          () -> {
            for (int i = blockOffset; data && i < blockOffset + blockCount; i++) {
              if (!StoreModel.sound(chunk, i)) {
                sink.onUnreadable(i, "checksum");
                return;
              }
            }
            sink.onBlocks(
                Arrays.copyOfRange(chunk.crcs, blockOffset, blockOffset + blockCount),
                Arrays.copyOfRange(chunk.versions, blockOffset, blockOffset + blockCount),
                null);
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
  }
}
