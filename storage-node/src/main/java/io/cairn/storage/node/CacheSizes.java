package io.cairn.storage.node;

import java.util.List;
import java.util.Objects;

/**
 * How large the cache tier is: of one shard, or of all shards of a node together.
 *
 * @param journalBytes size of the journals, with segments that are still to be taken away.
 * @param journalLackBytes what the journals are to have more than that; negative while they have
 *     more than they are to have.
 * @param readCacheBytes size of the read caches.
 * @param problem why a size is not what it is to be, and will not be for a while, in one line for
 *     people; null when they are, or soon will be.
 */
public record CacheSizes(
    long journalBytes, long journalLackBytes, long readCacheBytes, String problem) {
  /** Before anything is known. */
  static final CacheSizes NONE = new CacheSizes(0, 0, 0, null);

  /** Whether the sizes are about to change. */
  public boolean isResizing() {
    return problem == null && journalLackBytes != 0;
  }

  /** Of all of them together; the first problem stands for all. */
  static CacheSizes sum(List<CacheSizes> shards) {
    return new CacheSizes(
        shards.stream().mapToLong(CacheSizes::journalBytes).sum(),
        shards.stream().mapToLong(CacheSizes::journalLackBytes).sum(),
        shards.stream().mapToLong(CacheSizes::readCacheBytes).sum(),
        shards.stream().map(CacheSizes::problem).filter(Objects::nonNull).findFirst().orElse(null));
  }
}
