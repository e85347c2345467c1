package io.cairn.storage.chunk;

import io.cairn.storage.device.OutOfSpaceException;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/**
 * What is known of one shard's destaged part: fences, chunks, and per page of blocks their
 * versions, checksums and places, all as of one position of the journal. Calls block; any thread
 * but a shard's loop. Commits come from one thread at a time.
 */
public interface Catalogue extends AutoCloseable {
  /** Everything before this journal position is in here and in the capacity tier; 0 when new. */
  long checkpointLsn();

  /** Fences by volume. */
  Map<Long, Long> fences() throws IOException;

  /** All chunks with the pages that {@link #page} has. */
  List<Stored> chunks() throws IOException;

  /** One chunk, or null. */
  Stored chunk(ChunkId chunk) throws IOException;

  /** A page's bytes, or null when it was never stored. */
  byte[] page(ChunkId chunk, int page) throws IOException;

  /**
   * Copies a page's bytes, or as many of them as there is place for.
   *
   * @return how many bytes the page has; 0 when it was never stored.
   */
  default int page(ChunkId chunk, int page, byte[] target) throws IOException {
    byte[] bytes = page(chunk, page);
    if (bytes == null) {
      return 0;
    }
    System.arraycopy(bytes, 0, target, 0, Math.min(bytes.length, target.length));
    return bytes.length;
  }

  /**
   * Makes a fence durable ahead of the checkpoint that will carry it, so that rot in the journal
   * cannot take it back. A stored one is never lowered, by {@link #commit} neither. Any thread but
   * a shard's loop.
   */
  void raiseFence(long volumeId, long generation) throws IOException;

  /**
   * Applies a batch: all of it or nothing, and durable when the call returns.
   *
   * @throws OutOfSpaceException when the device is full: the call may be repeated.
   */
  void commit(Batch batch) throws IOException;

  /**
   * Begins a batch that is given part by part, which a catalogue may make cheaper than a list of
   * them; committed and closed by the thread that began it.
   */
  default Checkpoint begin() {
    return new CollectedCheckpoint(this);
  }

  /** A batch that is being made; nothing of it counts before it is committed. */
  interface Checkpoint extends AutoCloseable {
    /** A chunk is gone, with its pages; called before anything is put. */
    void delete(ChunkId chunk) throws IOException;

    /** A fence that changed. */
    void putFence(long volumeId, long generation);

    /** A chunk that changed. */
    void putChunk(Stored chunk) throws IOException;

    /** A page that changed; its bytes are copied. */
    void putPage(ChunkId chunk, int page, byte[] bytes) throws IOException;

    /** As {@link Catalogue#commit}, once, and the last call but {@link #close}. */
    void commit(long checkpointLsn) throws IOException;

    /** Drops what was not committed. */
    @Override
    void close();
  }

  @Override
  void close();

  /**
   * A chunk's record.
   *
   * @param pages bit per page that is stored.
   */
  record Stored(
      ChunkId chunk, int sizeBlocks, long lastVersion, long syncGeneration, long[] pages) {}

  /**
   * One checkpoint.
   *
   * @param checkpointLsn the new position.
   * @param fences fences that changed.
   * @param chunks chunks that changed.
   * @param pages pages that changed.
   * @param deleted chunks that are gone, with their pages; applied before the others.
   */
  record Batch(
      long checkpointLsn,
      Map<Long, Long> fences,
      List<Stored> chunks,
      List<StoredPage> pages,
      List<ChunkId> deleted) {}

  /** A page's new bytes. */
  record StoredPage(ChunkId chunk, int page, byte[] bytes) {}
}
