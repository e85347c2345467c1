package io.cairn.bench.jmh;

import io.cairn.storage.replication.ChunkEntry;
import io.cairn.storage.replication.ChunkName;
import io.cairn.storage.replication.ShardStore;
import java.util.HashMap;
import java.util.Map;
import org.agrona.DirectBuffer;

/**
 * A shard's store that keeps nothing but fences and last versions, durable at once: what is
 * measured above it is the protocol.
 */
final class VoidStore implements ShardStore {
  private final Map<Long, Long> fences = new HashMap<>();
  private final Map<Integer, Entry> chunks = new HashMap<>();
  private Listener listener;
  private long lsn;

  private static final class Entry implements ChunkEntry {
    private final long volumeId;
    private final int index;
    private final int sizeBlocks;
    private long lastVersion;

    Entry(long volumeId, int index, int sizeBlocks) {
      this.volumeId = volumeId;
      this.index = index;
      this.sizeBlocks = sizeBlocks;
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
      return sizeBlocks;
    }

    @Override
    public long lastVersion() {
      return lastVersion;
    }

    @Override
    public boolean syncing() {
      return false;
    }

    @Override
    public long syncGeneration() {
      return 0;
    }
  }

  void start(Listener heard) {
    listener = heard;
  }

  @Override
  public long fence(long volumeId) {
    return fences.getOrDefault(volumeId, 0L);
  }

  @Override
  public void appendFence(long volumeId, long generation) {
    lsn++;
    fences.put(volumeId, generation);
  }

  @Override
  public ChunkEntry find(long volumeId, int layer, int index) {
    return chunks.get(index);
  }

  @Override
  public ChunkEntry create(long volumeId, int layer, int index, int sizeBlocks) {
    lsn++;
    Entry entry = new Entry(volumeId, index, sizeBlocks);
    chunks.put(index, entry);
    return entry;
  }

  @Override
  public ChunkEntry createSyncing(
      long volumeId, int layer, int index, int sizeBlocks, long ownerGeneration) {
    throw new UnsupportedOperationException();
  }

  @Override
  public boolean hasRoom(int payloadBytes) {
    return true;
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
    lsn++;
    ((Entry) chunk).lastVersion = version;
    return true;
  }

  @Override
  public void appendZero(
      ChunkEntry chunk, long version, int blockOffset, int blockCount, boolean allocate) {
    lsn++;
    ((Entry) chunk).lastVersion = version;
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
    throw new UnsupportedOperationException();
  }

  @Override
  public void appendUnreadable(ChunkEntry chunk, long ownerGeneration, int block, long version) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void appendSyncBegin(ChunkEntry chunk, long ownerGeneration, long base) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void appendSyncEnd(ChunkEntry chunk) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long appendedLsn() {
    return lsn;
  }

  @Override
  public long durableLsn() {
    return lsn;
  }

  @Override
  public void requestSync(long upTo) {
    listener.onDurable(lsn);
  }

  @Override
  public void read(ChunkEntry chunk, int blockOffset, int blockCount, ReadSink sink) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void verify(
      ChunkEntry chunk, int blockOffset, int blockCount, boolean data, ReadSink sink) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void readVersions(ChunkEntry chunk, int blockOffset, int blockCount, VersionsSink sink) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void readExtents(ChunkEntry chunk, int blockOffset, int blockCount, VersionsSink sink) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void trashChunk(ChunkEntry chunk) {
    throw new UnsupportedOperationException();
  }

  @Override
  public boolean isLeaving(long volumeId, int layer, int index) {
    return false;
  }

  @Override
  public java.util.List<ChunkName> chunksAfter(ChunkName after, int countMax) {
    return java.util.List.of();
  }

  @Override
  public void trashVolume(long volumeId) {
    throw new UnsupportedOperationException();
  }
}
