package io.cairn.storage.replication;

import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Version;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.agrona.DirectBuffer;
import org.agrona.collections.LongArrayList;
import org.agrona.concurrent.UnsafeBuffer;

/** A shard's store in memory: a log that a power loss cuts behind what was durable. */
public final class MemoryStore implements ShardStore {
  private static final byte[] ZERO = new byte[Frame.BLOCK_BYTES];

  private record Entry(long endLsn, Consumer<State> change) {}

  private static final class State {
    final TreeMap<Long, Long> fences = new TreeMap<>();
    final TreeMap<Integer, Chunk> chunks = new TreeMap<>();
  }

  /** A chunk in memory. */
  public static final class Chunk implements ChunkEntry {
    final long volumeId;
    final int index;
    public final long[] versions;
    public final byte[][] blocks;
    public final int[] crcs;
    public long lastVersion;
    public boolean syncing;
    long syncGeneration;

    Chunk(long volumeId, int index, int sizeBlocks) {
      this.volumeId = volumeId;
      this.index = index;
      versions = new long[sizeBlocks];
      blocks = new byte[sizeBlocks][];
      crcs = new int[sizeBlocks];
      Arrays.fill(blocks, ZERO);
      Arrays.fill(crcs, Crc32c.ZERO_BLOCK);
    }

    @Override
    public long volumeId() {
      return volumeId;
    }

    @Override
    public int layer() {
      return 0;
    }

    @Override
    public int index() {
      return index;
    }

    @Override
    public int sizeBlocks() {
      return versions.length;
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

  private final List<Entry> log = new ArrayList<>();
  private final TreeMap<Integer, Long> leaving = new TreeMap<>();
  private State state = new State();
  private long appendedLsn;
  private long durableLsn;

  /** Asks the world to call {@link #synced} later. */
  public Runnable syncWanted = () -> {};

  /** No record fits until this is false again. */
  boolean full;

  boolean capacityFull;

  /** Reads end when {@link #finishReads} is called. */
  boolean slowReads;

  private final List<Runnable> reads = new ArrayList<>();

  void finishReads() {
    List<Runnable> ready = List.copyOf(reads);
    reads.clear();
    ready.forEach(Runnable::run);
  }

  private void append(int bytes, Consumer<State> change) {
    appendedLsn += 64 + bytes;
    log.add(new Entry(appendedLsn, change));
    change.accept(state);
    syncWanted.run();
  }

  /** Makes everything durable; true when that changed something. */
  public boolean synced() {
    boolean moved = durableLsn < appendedLsn;
    durableLsn = appendedLsn;
    return moved;
  }

  /** Forgets what is not durable. */
  public void losePower() {
    int keep = 0;
    while (keep < log.size() && log.get(keep).endLsn() <= durableLsn) {
      keep++;
    }
    keepRecords(keep);
  }

  /** Forgets all records but the first ones. */
  public void keepRecords(int count) {
    log.subList(count, log.size()).clear();
    appendedLsn = count == 0 ? 0 : log.get(count - 1).endLsn();
    durableLsn = Math.min(durableLsn, appendedLsn);
    state = new State();
    for (Entry entry : log) {
      entry.change().accept(state);
    }
  }

  public Chunk chunk(int index) {
    return state.chunks.get(index);
  }

  public void rot(int index, int block) {
    byte[] bytes = chunk(index).blocks[block].clone();
    bytes[17] ^= 1;
    chunk(index).blocks[block] = bytes;
  }

  public boolean sound(Chunk chunk, int block) {
    return new Crc32c().of(new UnsafeBuffer(chunk.blocks[block]), 0, Frame.BLOCK_BYTES)
        == chunk.crcs[block];
  }

  @Override
  public long fence(long volumeId) {
    return state.fences.getOrDefault(volumeId, 0L);
  }

  @Override
  public void appendFence(long volumeId, long generation) {
    append(0, s -> s.fences.put(volumeId, generation));
  }

  @Override
  public ChunkEntry find(long volumeId, int layer, int index) {
    return chunk(index);
  }

  @Override
  public ChunkEntry create(long volumeId, int layer, int index, int sizeBlocks) {
    append(0, s -> s.chunks.put(index, new Chunk(volumeId, index, sizeBlocks)));
    return chunk(index);
  }

  @Override
  public ChunkEntry createSyncing(
      long volumeId, int layer, int index, int sizeBlocks, long ownerGeneration) {
    append(
        0,
        s -> {
          Chunk chunk = new Chunk(volumeId, index, sizeBlocks);
          chunk.syncing = true;
          chunk.syncGeneration = ownerGeneration;
          s.chunks.put(index, chunk);
        });
    return chunk(index);
  }

  @Override
  public boolean hasRoom(int payloadBytes) {
    return !full;
  }

  @Override
  public boolean isFull() {
    return capacityFull;
  }

  private void apply(State s, int index, long version, int block, byte[][] blocks, int[] sums) {
    Chunk chunk = s.chunks.get(index);
    for (int i = 0; i < blocks.length; i++) {
      long current = chunk.versions[block + i];
      if (!chunk.syncing
          || version > current
          || Version.generation(current) < chunk.syncGeneration) {
        put(chunk, block + i, version, blocks[i], sums[i]);
      }
    }
    chunk.lastVersion = version;
  }

  private static void put(Chunk chunk, int block, long version, byte[] bytes, int sum) {
    chunk.versions[block] = version;
    chunk.blocks[block] = bytes;
    chunk.crcs[block] = sum;
  }

  private static byte[][] copy(DirectBuffer payload, int offset, int count) {
    byte[][] blocks = new byte[count][Frame.BLOCK_BYTES];
    for (int i = 0; i < count; i++) {
      payload.getBytes(offset + i * Frame.BLOCK_BYTES, blocks[i]);
    }
    return blocks;
  }

  private static int[] sums(DirectBuffer crcs, int offset, int count) {
    int[] sums = new int[count];
    for (int i = 0; i < count; i++) {
      sums[i] = crcs.getInt(offset + 4 * i, ByteOrder.LITTLE_ENDIAN);
    }
    return sums;
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
    int index = chunk.index();
    byte[][] blocks = copy(payload, payloadOffset, blockCount);
    int[] sums = sums(crcs, crcOffset, blockCount);
    append(
        blockCount * Frame.BLOCK_BYTES, s -> apply(s, index, version, blockOffset, blocks, sums));
    return true;
  }

  @Override
  public void appendZero(
      ChunkEntry chunk, long version, int blockOffset, int blockCount, boolean allocate) {
    int index = chunk.index();
    byte[][] blocks = new byte[blockCount][];
    int[] sums = new int[blockCount];
    Arrays.fill(blocks, ZERO);
    Arrays.fill(sums, Crc32c.ZERO_BLOCK);
    append(0, s -> apply(s, index, version, blockOffset, blocks, sums));
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
    int index = chunk.index();
    byte[][] blocks = copy(payload, payloadOffset, blockCount);
    int[] sums = sums(crcs, crcOffset, blockCount);
    long[] theirs = new long[blockCount];
    for (int i = 0; i < blockCount; i++) {
      theirs[i] = versions.getLong(versionsOffset + 8 * i, ByteOrder.LITTLE_ENDIAN);
    }
    append(
        blockCount * Frame.BLOCK_BYTES,
        s -> {
          Chunk target = s.chunks.get(index);
          for (int i = 0; i < blockCount; i++) {
            long local = target.versions[blockOffset + i];
            if (MergeRule.replaces(local, theirs[i], ownerGeneration)) {
              put(target, blockOffset + i, theirs[i], blocks[i], sums[i]);
            }
          }
        });
  }

  @Override
  public void appendUnreadable(ChunkEntry chunk, long ownerGeneration, int block, long version) {
    int index = chunk.index();
    append(
        0,
        s -> {
          Chunk target = s.chunks.get(index);
          if (MergeRule.replaces(target.versions[block], version, ownerGeneration)) {
            put(target, block, version, ZERO, ~Crc32c.ZERO_BLOCK);
          }
        });
  }

  @Override
  public void appendSyncBegin(ChunkEntry chunk, long ownerGeneration, long base) {
    int index = chunk.index();
    append(
        0,
        s -> {
          Chunk target = s.chunks.get(index);
          target.syncing = true;
          target.syncGeneration = ownerGeneration;
          target.lastVersion = base;
        });
  }

  @Override
  public void appendSyncEnd(ChunkEntry chunk) {
    int index = chunk.index();
    append(
        0,
        s -> {
          s.chunks.get(index).syncing = false;
          s.chunks.get(index).syncGeneration = 0;
        });
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
    syncWanted.run();
  }

  @Override
  public void read(ChunkEntry entry, int blockOffset, int blockCount, ReadSink sink) {
    if (slowReads) {
      reads.add(() -> readNow(entry, blockOffset, blockCount, sink));
    } else {
      readNow(entry, blockOffset, blockCount, sink);
    }
  }

  private void readNow(ChunkEntry entry, int blockOffset, int blockCount, ReadSink sink) {
    Chunk chunk = chunk(entry.index());
    byte[] bytes = new byte[blockCount * Frame.BLOCK_BYTES];
    for (int i = 0; i < blockCount; i++) {
      if (!sound(chunk, blockOffset + i)) {
        sink.onUnreadable(blockOffset + i, "checksum");
        return;
      }
      System.arraycopy(
          chunk.blocks[blockOffset + i], 0, bytes, i * Frame.BLOCK_BYTES, Frame.BLOCK_BYTES);
    }
    HeapPayload payload = HeapPayload.of(bytes);
    sink.onBlocks(
        Arrays.copyOfRange(chunk.crcs, blockOffset, blockOffset + blockCount),
        Arrays.copyOfRange(chunk.versions, blockOffset, blockOffset + blockCount),
        payload);
    payload.release();
  }

  @Override
  public void verify(
      ChunkEntry entry, int blockOffset, int blockCount, boolean data, ReadSink sink) {
    Chunk chunk = (Chunk) entry;
    for (int i = blockOffset; data && i < blockOffset + blockCount; i++) {
      if (!sound(chunk, i)) {
        sink.onUnreadable(i, "rotten");
        return;
      }
    }
    sink.onBlocks(
        Arrays.copyOfRange(chunk.crcs, blockOffset, blockOffset + blockCount),
        Arrays.copyOfRange(chunk.versions, blockOffset, blockOffset + blockCount),
        null);
  }

  @Override
  public void readVersions(ChunkEntry entry, int blockOffset, int blockCount, VersionsSink sink) {
    LongArrayList values = new LongArrayList();
    for (int i = 0; i < blockCount; i++) {
      values.addLong(chunk(entry.index()).versions[blockOffset + i]);
    }
    sink.onVersions(values);
  }

  @Override
  public void readExtents(ChunkEntry entry, int blockOffset, int blockCount, VersionsSink sink) {
    LongArrayList values = new LongArrayList();
    int start = blockOffset;
    for (int i = blockOffset + 1; i <= blockOffset + blockCount; i++) {
      if (i == blockOffset + blockCount || isZero(entry, i) != isZero(entry, start)) {
        values.addLong(start);
        values.addLong(i - start);
        values.addLong(isZero(entry, start) ? 0 : 2);
        start = i;
      }
    }
    sink.onVersions(values);
  }

  private boolean isZero(ChunkEntry entry, int block) {
    return Arrays.equals(chunk(entry.index()).blocks[block], ZERO);
  }

  @Override
  public void trashChunk(ChunkEntry chunk) {
    int index = chunk.index();
    append(0, s -> s.chunks.remove(index));
    leaving.put(index, appendedLsn);
  }

  @Override
  public boolean isLeaving(long volumeId, int layer, int index) {
    return leaving.getOrDefault(index, 0L) > durableLsn;
  }

  @Override
  public List<ChunkName> chunksAfter(ChunkName after, int countMax) {
    return state.chunks.values().stream()
        .map(ChunkName::of)
        .sorted()
        .filter(name -> after == null || name.compareTo(after) > 0)
        .limit(countMax)
        .toList();
  }

  @Override
  public void trashVolume(long volumeId) {
    state.chunks.clear();
  }
}
