package io.cairn.storage.journal;

import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.wire.Crc32c;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A page as the catalogue has it, or had it at an earlier checkpoint: of each block version,
 * checksum, and whether it is in the tier. In 13 bytes a block, as a node keeps many of them.
 *
 * <p>Not thread-safe.
 */
final class CheckpointPage {
  private static final int CRCS = 8 * Page.BLOCKS;
  private static final int PLACES = CRCS + 4 * Page.BLOCKS;

  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  /** What its content takes. */
  static final int BYTES = PLACES + Page.BLOCKS;

  private final byte[] bytes = new byte[BYTES];

  /** Becomes a page of nothing but holes. */
  void clear() {
    Arrays.fill(bytes, (byte) 0);
    for (int i = 0; i < Page.BLOCKS; i++) {
      INT.set(bytes, CRCS + 4 * i, Crc32c.ZERO_BLOCK);
    }
  }

  long version(int i) {
    return (long) LONG.get(bytes, 8 * i);
  }

  int crc(int i) {
    return (int) INT.get(bytes, CRCS + 4 * i);
  }

  /** HOLE, TIER or ALLOCATED, as {@link Page} has them. */
  long place(int i) {
    return -bytes[PLACES + i];
  }

  /**
   * Says something else of a block.
   *
   * @param place HOLE, TIER or ALLOCATED.
   */
  void put(int i, long version, int crc, long place) {
    LONG.set(bytes, 8 * i, version);
    INT.set(bytes, CRCS + 4 * i, crc);
    bytes[PLACES + i] = (byte) -place;
  }

  /**
   * Becomes what the catalogue has; blocks.
   *
   * @param stored the caller's, {@link Page#STORED_BYTES} of them, for the time of the call.
   * @throws IllegalStateException when it has no such page, or one that is damaged.
   */
  void read(Catalogue catalogue, ChunkId chunk, int page, byte[] stored) {
    try {
      Page.check(stored, catalogue.page(chunk, page, stored));
    } catch (IOException | IllegalStateException e) {
      throw damaged(chunk, page, e);
    }
    for (int i = 0; i < Page.BLOCKS; i++) {
      put(i, Page.storedVersion(stored, i), Page.storedCrc(stored, i), Page.storedPlace(stored, i));
    }
  }

  /** What is thrown when the catalogue does not give a page. */
  static IllegalStateException damaged(ChunkId chunk, int page, Exception e) {
    return new IllegalStateException(
        "page " + page + " of chunk " + chunk + " in the catalogue: " + e.getMessage(), e);
  }
}
