package io.cairn.bench.sim;

import io.cairn.bench.check.InvariantViolation;
import io.cairn.bench.sim.StoreModel.Change;
import io.cairn.bench.sim.StoreModel.Chunk;
import io.cairn.bench.sim.StoreModel.Key;
import io.cairn.storage.env.Payload;
import io.cairn.storage.journal.JournaledStore;
import io.cairn.storage.replication.ChunkEntry;
import io.cairn.storage.replication.ChunkName;
import io.cairn.storage.replication.MergeRule;
import io.cairn.storage.replication.ShardStore;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Version;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.agrona.DirectBuffer;
import org.agrona.collections.LongArrayList;

/** A store beside its model: both are told of every append, and what is read is compared. */
final class ShadowedStore implements ShardStore {
  private final JournaledStore store;
  private final StoreModel model;
  private final Set<Long> trashing = new TreeSet<>();

  ShadowedStore(JournaledStore store, StoreModel model) {
    this.store = store;
    this.model = model;
  }

  private static Key key(ChunkEntry chunk) {
    return new Key(chunk.volumeId(), chunk.layer(), chunk.index());
  }

  private Chunk shadow(ChunkEntry chunk) {
    return model.chunk(chunk.volumeId(), chunk.layer(), chunk.index());
  }

  /** After a recovery: the store's chunks and fences are the model's. */
  void compareAll(long recoveredLsn) {
    chunksAfter(null, Integer.MAX_VALUE);
    for (Chunk chunk : model.chunks()) {
      ChunkEntry entry = store.find(chunk.volumeId(), chunk.layer(), chunk.index());
      if (entry == null) {
        throw new InvariantViolation("I5", "the store lacks chunk " + chunk.key);
      }
      compare(entry);
    }
    // A fence may be kept ahead of its record.
    for (long volumeId : model.fencedVolumes()) {
      if (store.fence(volumeId) < model.fence(volumeId)) {
        throw new InvariantViolation("I1", "the store has fence " + store.fence(volumeId));
      }
      if (store.fence(volumeId) > model.fence(volumeId)) {
        model.append(recoveredLsn, new Change.Fence(volumeId, store.fence(volumeId)));
      }
    }
  }

  private void compare(ChunkEntry entry) {
    Chunk chunk = shadow(entry);
    if (entry.lastVersion() != chunk.lastVersion
        || entry.syncing() != chunk.syncing
        || entry.sizeBlocks() != chunk.sizeBlocks) {
      throw new InvariantViolation(
          "I5",
          "the store has chunk "
              + chunk.key
              + " at "
              + Version.text(entry.lastVersion())
              + (entry.syncing() ? " syncing" : "")
              + ", but it must be at "
              + Version.text(chunk.lastVersion)
              + (chunk.syncing ? " syncing" : ""));
    }
  }

  private void appended(Change change) {
    model.append(store.recordEndLsn(), change);
  }

  @Override
  public long fence(long volumeId) {
    return store.fence(volumeId);
  }

  @Override
  public void appendFence(long volumeId, long generation) {
    store.appendFence(volumeId, generation);
    appended(new Change.Fence(volumeId, generation));
  }

  @Override
  public ChunkEntry find(long volumeId, int layer, int index) {
    ChunkEntry entry = store.find(volumeId, layer, index);
    Chunk chunk = model.chunk(volumeId, layer, index);
    if (entry == null != (chunk == null)) {
      throw new InvariantViolation("I9", "the store has " + entry + " where " + chunk + " must be");
    }
    return entry;
  }

  @Override
  public ChunkEntry create(long volumeId, int layer, int index, int sizeBlocks) {
    ChunkEntry made = store.create(volumeId, layer, index, sizeBlocks);
    if (made != null) {
      appended(new Change.Create(new Key(volumeId, layer, index), sizeBlocks, 0));
    }
    return made;
  }

  @Override
  public ChunkEntry createSyncing(
      long volumeId, int layer, int index, int sizeBlocks, long ownerGeneration) {
    ChunkEntry made = store.createSyncing(volumeId, layer, index, sizeBlocks, ownerGeneration);
    if (made != null) {
      appended(new Change.Create(new Key(volumeId, layer, index), sizeBlocks, ownerGeneration));
    }
    return made;
  }

  @Override
  public boolean hasRoom(int payloadBytes) {
    return store.hasRoom(payloadBytes);
  }

  @Override
  public boolean isLoaded(ChunkEntry chunk, int blockOffset, int blockCount) {
    return store.isLoaded(chunk, blockOffset, blockCount);
  }

  private static byte[][] blocks(DirectBuffer payload, int offset, int count) {
    byte[][] blocks = new byte[count][Frame.BLOCK_BYTES];
    for (int i = 0; i < count; i++) {
      payload.getBytes(offset + i * Frame.BLOCK_BYTES, blocks[i]);
    }
    return blocks;
  }

  private static int[] crcs(DirectBuffer crcs, int offset, int count) {
    int[] values = new int[count];
    for (int i = 0; i < count; i++) {
      values[i] = crcs.getInt(offset + 4 * i, ByteOrder.LITTLE_ENDIAN);
    }
    return values;
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
    if (!store.appendWrite(
        chunk, version, blockOffset, blockCount, crcs, crcOffset, payload, payloadOffset)) {
      return false;
    }
    appended(
        new Change.Write(
            key(chunk),
            version,
            blockOffset,
            blocks(payload, payloadOffset, blockCount),
            crcs(crcs, crcOffset, blockCount)));
    compare(chunk);
    return true;
  }

  @Override
  public void appendZero(
      ChunkEntry chunk, long version, int blockOffset, int blockCount, boolean allocate) {
    store.appendZero(chunk, version, blockOffset, blockCount, allocate);
    byte[][] blocks = new byte[blockCount][];
    int[] sums = new int[blockCount];
    Arrays.fill(blocks, StoreModel.ZERO);
    Arrays.fill(sums, Crc32c.ZERO_BLOCK);
    appended(new Change.Write(key(chunk), version, blockOffset, blocks, sums));
    compare(chunk);
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
    store.appendFill(
        chunk,
        ownerGeneration,
        blockOffset,
        blockCount,
        versions,
        versionsOffset,
        crcs,
        crcOffset,
        payload,
        payloadOffset);
    long[] fetched = new long[blockCount];
    for (int i = 0; i < blockCount; i++) {
      fetched[i] = versions.getLong(versionsOffset + 8 * i, ByteOrder.LITTLE_ENDIAN);
    }
    appended(
        new Change.Fill(
            key(chunk),
            ownerGeneration,
            blockOffset,
            fetched,
            blocks(payload, payloadOffset, blockCount),
            crcs(crcs, crcOffset, blockCount)));
    compare(chunk);
  }

  @Override
  public void appendUnreadable(ChunkEntry chunk, long ownerGeneration, int block, long version) {
    store.appendUnreadable(chunk, ownerGeneration, block, version);
    if (MergeRule.replaces(shadow(chunk).versions[block], version, ownerGeneration)) {
      appended(Change.unreadable(key(chunk), ownerGeneration, block, version));
    }
    compare(chunk);
  }

  @Override
  public void appendSyncBegin(ChunkEntry chunk, long ownerGeneration, long base) {
    Key key = key(chunk);
    store.appendSyncBegin(chunk, ownerGeneration, base);
    appended(new Change.Begin(key, ownerGeneration, base));
    compare(chunk);
  }

  @Override
  public void appendSyncEnd(ChunkEntry chunk) {
    store.appendSyncEnd(chunk);
    appended(new Change.End(key(chunk)));
    compare(chunk);
  }

  @Override
  public void trashVolume(long volumeId) {
    trashing.add(volumeId);
    store.trashVolume(volumeId);
    trashed();
  }

  @Override
  public void trashChunk(ChunkEntry chunk) {
    Key key = key(chunk);
    store.trashChunk(chunk);
    appended(new Change.TrashChunk(key));
  }

  @Override
  public boolean isLeaving(long volumeId, int layer, int index) {
    return store.isLeaving(volumeId, layer, index);
  }

  @Override
  public List<ChunkName> chunksAfter(ChunkName after, int countMax) {
    List<ChunkName> names = store.chunksAfter(after, countMax);
    List<ChunkName> expected = model.chunksAfter(after, countMax);
    if (!names.equals(expected)) {
      throw new InvariantViolation(
          "I9", "behind " + after + " the store holds " + names + ", not " + expected);
    }
    return names;
  }

  @Override
  public ChunkEntry syncingAfter(ChunkName after) {
    ChunkEntry found = store.syncingAfter(after);
    ChunkEntry expected = ShardStore.super.syncingAfter(after);
    if (found != expected) {
      throw new InvariantViolation(
          "I9", "behind " + after + " " + found + " is syncing, not " + expected);
    }
    return found;
  }

  /** A full journal puts a deletion off: the fence tells when it happened. */
  private void trashed() {
    for (long volumeId : List.copyOf(trashing)) {
      if (store.fence(volumeId) == Version.GENERATION_MAX) {
        trashing.remove(volumeId);
        if (model.fence(volumeId) != Version.GENERATION_MAX) {
          appended(new Change.Trash(volumeId));
        }
      }
    }
  }

  /** The shard's listener, behind the model's. */
  Listener listening(Listener shard) {
    return new Listener() {
      @Override
      public void onDurable(long durableLsn) {
        shard.onDurable(durableLsn);
      }

      @Override
      public void onRoom() {
        trashed();
        shard.onRoom();
      }

      @Override
      public void onTrashed(long volumeId) {
        trashed();
        shard.onTrashed(volumeId);
      }

      @Override
      public void onFailed(String reason) {
        shard.onFailed(reason);
      }
    };
  }

  @Override
  public long appendedLsn() {
    return store.appendedLsn();
  }

  @Override
  public long durableLsn() {
    return store.durableLsn();
  }

  @Override
  public void requestSync(long lsn) {
    store.requestSync(lsn);
  }

  @Override
  public void read(ChunkEntry entry, int blockOffset, int blockCount, ReadSink sink) {
    store.read(entry, blockOffset, blockCount, compared(key(entry), blockOffset, blockCount, sink));
  }

  @Override
  public void verify(
      ChunkEntry entry, int blockOffset, int blockCount, boolean data, ReadSink sink) {
    store.verify(
        entry, blockOffset, blockCount, data, compared(key(entry), blockOffset, blockCount, sink));
  }

  /** Passes the answer on once it was compared with the shadow. */
  private ReadSink compared(Key key, int blockOffset, int blockCount, ReadSink sink) {
    return new ReadSink() {
      @Override
      public void onBlocks(int[] crcs, long[] versions, Payload payload) {
        for (int i = 0; i < blockCount; i++) {
          compare(key, blockOffset + i, versions[i], crcs[i]);
        }
        sink.onBlocks(crcs, versions, payload);
      }

      @Override
      public void onUnreadable(int block, String reason) {
        sink.onUnreadable(block, reason);
      }
    };
  }

  /** What was read is what the model has, unless it was overwritten since the read began. */
  private void compare(Key key, int block, long version, int crc) {
    Chunk chunk = model.chunk(key.volumeId(), key.layer(), key.index());
    if (chunk != null && chunk.versions[block] == version && chunk.crcs[block] != crc) {
      throw new InvariantViolation(
          "I8", "block " + block + " of " + key + " was read with other contents");
    }
  }

  @Override
  public void readVersions(ChunkEntry entry, int blockOffset, int blockCount, VersionsSink sink) {
    Key key = key(entry);
    store.readVersions(
        entry,
        blockOffset,
        blockCount,
        new VersionsSink() {
          @Override
          public void onVersions(LongArrayList values) {
            Chunk chunk = model.chunk(key.volumeId(), key.layer(), key.index());
            for (int i = 0; chunk != null && i < blockCount; i++) {
              if (values.getLong(i) != chunk.versions[blockOffset + i]) {
                throw new InvariantViolation(
                    "I5",
                    "block "
                        + (blockOffset + i)
                        + " of "
                        + key
                        + " has version "
                        + Version.text(values.getLong(i))
                        + ", but it must have "
                        + Version.text(chunk.versions[blockOffset + i])
                        + " of the record at "
                        + chunk.lsns[blockOffset + i]);
              }
            }
            sink.onVersions(values);
          }

          @Override
          public void onUnreadable(int block, String reason) {
            sink.onUnreadable(block, reason);
          }
        });
  }

  @Override
  public void readExtents(ChunkEntry chunk, int blockOffset, int blockCount, VersionsSink sink) {
    store.readExtents(chunk, blockOffset, blockCount, sink);
  }
}
