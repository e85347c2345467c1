package io.cairn.metadata.model;

import java.util.List;

/**
 * What comparing one chunk's replicas with each other and with their checksums came to.
 *
 * @param lightMillis when checksums and versions were compared last, by the owner's clock; 0 for
 *     never.
 * @param deepMillis when the data was read and compared last; 0 for never.
 * @param request number of the operator's request that was served last.
 * @param mendedBlocks copies of blocks that were mended so far.
 * @param badBlocks blocks of which no replica has a good copy, as of the last time; at most {@link
 *     #BAD_MAX} of them.
 */
public record ChunkScrub(
    long lightMillis, long deepMillis, long request, long mendedBlocks, List<Integer> badBlocks) {
  /** Bad blocks that are named; a chunk with more of them is beyond a list. */
  public static final int BAD_MAX = 64;

  /** Of a chunk that nobody has looked at. */
  public static final ChunkScrub NEVER = new ChunkScrub(0, 0, 0, 0, List.of());

  /** Keeps the list immutable. */
  public ChunkScrub {
    badBlocks = badBlocks == null ? List.of() : List.copyOf(badBlocks);
  }
}
