package io.cairn.metadata.model;

import io.cairn.metadata.options.Sizes;

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

  /** Bounds of both here, and of the nodes' options. */
  public static final long JOURNAL_BYTES_MIN = 16L << 20;

  public static final long JOURNAL_BYTES_MAX = 1L << 40;
  public static final long READ_CACHE_BYTES_MIN = 1L << 20;
  public static final long READ_CACHE_BYTES_MAX = 4L << 40;

  /** Why no node can have that, with the bound; null when some can. */
  public String problem() {
    String ofJournal = problem("journal", journalBytes, JOURNAL_BYTES_MIN, JOURNAL_BYTES_MAX);
    return ofJournal != null
        ? ofJournal
        : problem("read cache", readCacheBytes, READ_CACHE_BYTES_MIN, READ_CACHE_BYTES_MAX);
  }

  private static String problem(String what, Long bytes, long least, long most) {
    return bytes == null || bytes >= least && bytes <= most
        ? null
        : "a %s of %d bytes is outside %s to %s"
            .formatted(what, bytes, Sizes.format(least), Sizes.format(most));
  }
}
