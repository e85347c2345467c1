package io.cairn.storage.replication;

import io.cairn.storage.env.Payload;
import java.util.List;
import org.agrona.DirectBuffer;
import org.agrona.collections.LongArrayList;

/**
 * What the replica machine needs from a shard's journal, index and capacity tier. All calls and all
 * callbacks happen on the shard's loop; a callback may run before the call that asked for it
 * returns.
 *
 * <p>Appends take effect at once for later reads; they are durable when {@link #durableLsn()} has
 * reached the value that {@link #appendedLsn()} had after the append. Replaying the journal applies
 * the same records with the same rules, so that what is recovered is a prefix of what was appended.
 */
public interface ShardStore {
  /** Highest generation stored for the volume; 0 when none is. */
  long fence(long volumeId);

  /** Appends a fence; must be higher than the stored one. */
  void appendFence(long volumeId, long generation);

  /** The chunk, or null when this shard does not hold it. */
  ChunkEntry find(long volumeId, int layer, int index);

  /**
   * Appends the creation of an empty, complete chunk.
   *
   * @return the entry, or null when the capacity tier has no room for another chunk.
   */
  ChunkEntry create(long volumeId, int layer, int index, int sizeBlocks);

  /**
   * As {@link #create}, but syncing at once, and with one record: the chunk was here before, and
   * must never pass for one that is empty.
   *
   * @param ownerGeneration of whoever brings it up.
   */
  ChunkEntry createSyncing(
      long volumeId, int layer, int index, int sizeBlocks, long ownerGeneration);

  /**
   * Whether a record with that much payload can be appended now. When not, {@link
   * Listener#onRoom()} follows once destaging has made room.
   */
  boolean hasRoom(int payloadBytes);

  /**
   * Whether room that is missing will not come by itself: the capacity tier takes nothing more.
   * {@link Listener#onRoom()} follows when it becomes so as well, so that whoever waits can be
   * told.
   */
  default boolean isFull() {
    return false;
  }

  /**
   * Whether what is known of these blocks is in memory, so that a fill of them, or whatever else is
   * appended to them while the chunk is syncing, can be applied at once; writes and zeroes of a
   * complete chunk need nothing. When not, {@link Listener#onRoom()} follows once it is.
   */
  default boolean isLoaded(ChunkEntry chunk, int blockOffset, int blockCount) {
    return true;
  }

  /**
   * Appends a write. On a complete chunk all blocks take the version; on a syncing chunk only those
   * whose version is lower than the record's.
   *
   * @param crcs holds one little-endian CRC32C per block from crcOffset on.
   * @param payload blockCount * 4096 bytes; copied into the journal before the call returns. May be
   *     changed by others meanwhile.
   * @return false when what was copied does not have these checksums: then nothing is appended.
   */
  boolean appendWrite(
      ChunkEntry chunk,
      long version,
      int blockOffset,
      int blockCount,
      DirectBuffer crcs,
      int crcOffset,
      DirectBuffer payload,
      int payloadOffset);

  /** Appends a write of zeroes; {@code allocate} keeps space for it rather than punching a hole. */
  void appendZero(
      ChunkEntry chunk, long version, int blockOffset, int blockCount, boolean allocate);

  /**
   * Appends blocks that were fetched from another replica, each with its version, by the merge
   * rule: equal versions are skipped; where the local version's generation is at least
   * ownerGeneration the higher version wins; otherwise the fetched block wins. A fetched version of
   * 0 with the zero block's CRC means "never written here". Does not change {@link
   * ChunkEntry#lastVersion()}.
   *
   * @param versions one little-endian long per block.
   */
  void appendFill(
      ChunkEntry chunk,
      long ownerGeneration,
      int blockOffset,
      int blockCount,
      DirectBuffer versions,
      int versionsOffset,
      DirectBuffer crcs,
      int crcOffset,
      DirectBuffer payload,
      int payloadOffset);

  /**
   * Appends that nobody can read what a block is to be: it has the version from now on, and reading
   * it fails, until it is written or fetched anew. By the merge rule of {@link #appendFill}: where
   * the block here stands, nothing is appended. The block is loaded, and there is room for a
   * record.
   */
  void appendUnreadable(ChunkEntry chunk, long ownerGeneration, int block, long version);

  /** Appends the begin of a catch-up: syncing, with base as the last version. */
  void appendSyncBegin(ChunkEntry chunk, long ownerGeneration, long base);

  /** Appends the end of a catch-up: complete again, the last version stays. */
  void appendSyncEnd(ChunkEntry chunk);

  /** Position behind the last append. */
  long appendedLsn();

  /** Everything before this position is durable. */
  long durableLsn();

  /** Asks that everything up to lsn be made durable at once; {@link Listener#onDurable} follows. */
  void requestSync(long lsn);

  /** Reads blocks: from the journal's memory, the capacity tier, or zeroes. */
  void read(ChunkEntry chunk, int blockOffset, int blockCount, ReadSink sink);

  /**
   * Says what is known of blocks, their checksums and versions; the sink gets no payload. Gives way
   * to everything else that wants the devices.
   *
   * @param data whether the blocks are read from where they are kept, past every cache, and
   *     compared with their checksums; else what is known is said unseen.
   */
  void verify(ChunkEntry chunk, int blockOffset, int blockCount, boolean data, ReadSink sink);

  /**
   * Reads the versions of blocks; the sink gets them in order. Includes everything appended before
   * the callback.
   */
  void readVersions(ChunkEntry chunk, int blockOffset, int blockCount, VersionsSink sink);

  /**
   * Lists the extents of a range as triples (offset, count, kind) with kind 0 hole, 1 zero, 2 data.
   */
  void readExtents(ChunkEntry chunk, int blockOffset, int blockCount, VersionsSink sink);

  /** Moves all chunks of a volume to the trash, to be deleted after the store's delay. */
  void trashVolume(long volumeId);

  /**
   * Moves one chunk to the trash, as {@link #trashVolume} does all of a volume; its caller has seen
   * to it that there is room for a record. Its name may be used again once {@link #isLeaving} is
   * over.
   */
  void trashChunk(ChunkEntry chunk);

  /**
   * Whether the chunk of that name went to the trash a moment ago and is still on its way out: it
   * cannot be created anew before that.
   */
  boolean isLeaving(long volumeId, int layer, int index);

  /**
   * Names of chunks that the shard holds, in order.
   *
   * @param after the first ones behind this name; null for the first ones of all.
   * @param countMax at most so many.
   */
  List<ChunkName> chunksAfter(ChunkName after, int countMax);

  /**
   * The next chunk that is syncing, in the order of names; for as long as nothing is appended.
   *
   * @param after the first one behind this name; null for the first one of all.
   * @return null when there is none.
   */
  default ChunkEntry syncingAfter(ChunkName after) {
    for (ChunkName name : chunksAfter(after, Integer.MAX_VALUE)) {
      ChunkEntry chunk = find(name.volumeId(), name.layer(), name.index());
      if (chunk.syncing()) {
        return chunk;
      }
    }
    return null;
  }

  /** Receives what happens behind the replica machine's back. */
  interface Listener {
    /** Everything before durableLsn is durable. */
    void onDurable(long durableLsn);

    /** Parked appends may be tried again. */
    void onRoom();

    /** The chunks of the volume went to the trash: nothing of them may be touched any more. */
    default void onTrashed(long volumeId) {}

    /** The device is gone for good; nothing more is accepted. */
    void onFailed(String reason);
  }

  /** Receives the blocks of one read. */
  interface ReadSink {
    /**
     * The blocks.
     *
     * @param crcs one int per block; borrowed for the call.
     * @param versions one long per block; borrowed for the call.
     * @param payload blockCount * 4096 bytes; borrowed, retain to keep. Null when only what is
     *     known of them was asked for.
     */
    void onBlocks(int[] crcs, long[] versions, Payload payload);

    /** The first block that cannot be read or fails its checksum. */
    void onUnreadable(int block, String reason);
  }

  /** Receives a list of longs. */
  interface VersionsSink {
    /** The list; borrowed for the call. */
    void onVersions(LongArrayList values);

    /** The list cannot be read. */
    void onUnreadable(int block, String reason);
  }
}
