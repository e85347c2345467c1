package io.cairn.metadata.model;

/**
 * What an operator wants the cache tier of a node to be, whatever its options say.
 *
 * @param journalBytes of each shard's journal; null for {@code journal.size}.
 * @param readCacheBytes of each shard's read cache, where it has one; null for {@code
 *     read.cache.size}.
 */
public record CacheWish(Long journalBytes, Long readCacheBytes) {
  /** As the node's options say. */
  public static final CacheWish NONE = new CacheWish(null, null);
}
