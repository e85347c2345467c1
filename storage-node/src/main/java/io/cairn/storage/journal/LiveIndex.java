package io.cairn.storage.journal;

import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.chunk.ChunkId;
import java.util.ArrayDeque;

/**
 * What every block of a shard is now. What changed since the checkpoint of the journal's tail is in
 * memory, some 50 bytes a block at most; the rest is in the catalogue, and pages of it that were
 * used lately are in memory as well.
 *
 * <p>Not thread-safe: it belongs to the shard's loop.
 */
final class LiveIndex extends ShardIndex {
  /** Objects that are kept for other pages. */
  private static final int KEPT_MAX = 1024;

  private final ChangesStock changes = new ChangesStock();
  private final ArrayDeque<LivePage> unused = new ArrayDeque<>();
  private final ArrayDeque<CheckpointPage> unusedBases = new ArrayDeque<>();
  private int loadedPages;
  private ChunkId hand;

  /** Of recovery, which may block; null from its end on. */
  private Recovering recovering;

  /** The page of the catalogue that recovery looked at last. */
  private static final class Recovering {
    final Catalogue catalogue;
    final byte[] bytes = new byte[Page.STORED_BYTES];
    final CheckpointPage page = new CheckpointPage();
    IndexedChunk chunk;
    int number;

    Recovering(Catalogue catalogue) {
      this.catalogue = catalogue;
    }

    long version(IndexedChunk of, int block) {
      if (of != chunk || number != block / Page.BLOCKS) {
        chunk = null;
        page.read(catalogue, of.id, block / Page.BLOCKS, bytes);
        chunk = of;
        number = block / Page.BLOCKS;
      }
      return page.version(block % Page.BLOCKS);
    }
  }

  /**
   * An empty one, that may block until {@link #endRecovery}.
   *
   * @param catalogue what it is recovered from.
   */
  LiveIndex(Catalogue catalogue) {
    recovering = new Recovering(catalogue);
  }

  /** From now on nothing may block: pages are loaded before they are asked for. */
  void endRecovery() {
    recovering = null;
  }

  /** Pages of the catalogue that are in memory. */
  int loadedPages() {
    return loadedPages;
  }

  /** What is in memory of a page, or null; looking at it is no use of it. */
  static LivePage peek(IndexedChunk chunk, int number) {
    return chunk.live == null ? null : chunk.live[number];
  }

  /** The page, of which the blocks to be asked for must be {@link #isLoaded}. */
  LivePage page(IndexedChunk chunk, int number) {
    LivePage page = peek(chunk, number);
    if (page == null) {
      if (chunk.isStored(number)) {
        throw new IllegalStateException("page " + number + " of " + chunk.id + " is not loaded");
      }
      return LivePage.BLANK;
    }
    page.used = true;
    return page;
  }

  /** Whether these blocks of one page are known without asking the catalogue. */
  boolean isLoaded(IndexedChunk chunk, int number, int from, int to) {
    LivePage page = peek(chunk, number);
    if (page == null) {
      return !chunk.isStored(number);
    }
    // It must still be there when others have come.
    page.used = true;
    return page.covers(from, to);
  }

  @Override
  long version(IndexedChunk chunk, int block) {
    int number = block / Page.BLOCKS;
    int at = block % Page.BLOCKS;
    LivePage page = peek(chunk, number);
    if (page == null ? !chunk.isStored(number) : page.covers(at, at + 1)) {
      return page == null ? 0 : page.version(at);
    }
    if (recovering == null) {
      throw new IllegalStateException("page " + number + " of " + chunk.id + " is not loaded");
    }
    return recovering.version(chunk, block);
  }

  @Override
  void put(IndexedChunk chunk, int block, long version, int crc, long place, long lsn) {
    own(chunk, block / Page.BLOCKS).put(block % Page.BLOCKS, version, crc, place, lsn, changes);
  }

  @Override
  void zero(IndexedChunk chunk, int block, int count, long version, long place, long lsn) {
    int at = block;
    while (at < block + count) {
      if (at % Page.BLOCKS == 0 && block + count - at >= Page.BLOCKS) {
        own(chunk, at / Page.BLOCKS).putFloor(version, place, lsn, changes);
        at += Page.BLOCKS;
      } else {
        super.zero(chunk, at, 1, version, place, lsn);
        at++;
      }
    }
  }

  /** The page's object, made when it is not there. */
  private LivePage own(IndexedChunk chunk, int number) {
    if (chunk.live == null) {
      chunk.live = new LivePage[chunk.pageCount()];
    }
    LivePage page = chunk.live[number];
    if (page == null) {
      page = unused.isEmpty() ? new LivePage() : unused.pop();
      page.isStored = chunk.isStored(number);
      chunk.live[number] = page;
    }
    page.used = true;
    return page;
  }

  /** A page for {@link #install}, of which the content does not matter. */
  CheckpointPage anyBase() {
    return unusedBases.isEmpty() ? new CheckpointPage() : unusedBases.pop();
  }

  /** Another thread reads the page in the catalogue from now on, or does no more. */
  void setLoading(IndexedChunk chunk, int number, boolean isLoading) {
    LivePage page = own(chunk, number);
    page.isLoading = isLoading;
    if (!isLoading) {
      dropEmpty(chunk, number);
    }
  }

  /** The page of the catalogue, as it was at some time since its loading began. */
  void install(IndexedChunk chunk, int number, CheckpointPage base) {
    LivePage page = own(chunk, number);
    if (page.base == null) {
      page.base = base;
      loadedPages++;
    }
  }

  /**
   * What is before the tail of a page is in the catalogue now, and so is the page.
   *
   * @param pagesMax pages of the catalogue in memory from which on no more are made of what is
   *     known anyway.
   * @return false when it is being read there: then it has to be done later.
   */
  boolean settle(IndexedChunk chunk, int number, long tailLsn, int pagesMax) {
    LivePage page = peek(chunk, number);
    if (page == null) {
      chunk.setStored(number);
      return true;
    }
    if (page.isLoading) {
      return false;
    }
    if (page.base == null && page.covers(0, Page.BLOCKS) && loadedPages < pagesMax) {
      page.base = anyBase();
      page.base.clear();
      loadedPages++;
    }
    chunk.setStored(number);
    page.isStored = true;
    page.settle(tailLsn, changes);
    dropEmpty(chunk, number);
    return true;
  }

  private void dropEmpty(IndexedChunk chunk, int number) {
    LivePage page = chunk.live[number];
    if (page.base == null && page.isClean() && !page.isLoading) {
      chunk.live[number] = null;
      page.clear(changes);
      if (unused.size() < KEPT_MAX) {
        unused.push(page);
      }
    }
  }

  /**
   * Lets go of pages of the catalogue that were not used since the hand last came by. The hand
   * comes by each chunk once in a turn: where it came by twice, whoever needs two pages of the only
   * chunk would lose the first one whenever the second has come, for ever.
   *
   * @param chunksMax chunks to look at in this turn.
   */
  void evictSome(int chunksMax, int pagesMax) {
    int most = Math.min(chunksMax, chunkCount());
    for (int i = 0; i < most && loadedPages > pagesMax; i++) {
      IndexedChunk chunk = nextAfter(hand);
      hand = chunk.id;
      for (int p = 0; chunk.live != null && p < chunk.live.length; p++) {
        LivePage page = chunk.live[p];
        if (page != null && page.used) {
          page.used = false;
        } else if (page != null && page.base != null) {
          giveBack(page.base);
          page.base = null;
          loadedPages--;
          dropEmpty(chunk, p);
        }
      }
    }
  }

  private void giveBack(CheckpointPage base) {
    if (unusedBases.size() < KEPT_MAX) {
      unusedBases.push(base);
    }
  }

  @Override
  void onGone(IndexedChunk chunk) {
    for (int p = 0; chunk.live != null && p < chunk.live.length; p++) {
      loadedPages -= chunk.live[p] != null && chunk.live[p].base != null ? 1 : 0;
    }
    chunk.live = null;
  }
}
