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
