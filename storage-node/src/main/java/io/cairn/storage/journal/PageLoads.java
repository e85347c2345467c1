package io.cairn.storage.journal;

import io.cairn.storage.chunk.Catalogue;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Loads pages of the index that are not in memory, each once however many wait. On the loop. */
final class PageLoads {
  /** Chunks that are looked at for pages to let go of when one is loaded. */
  private static final int EVICT_CHUNKS = 4;

  private record PageKey(IndexedChunk chunk, int page) {}

  private final LiveIndex index;
  private final Catalogue catalogue;
  private final StoreLoop loop;
  private final StoreSettings settings;
  private final StoreReads.Host host;
  private final Map<PageKey, List<Runnable>> loads = new HashMap<>();

  /** Of a page that is being loaded; for the threads off the loop. */
  private final ThreadLocal<byte[]> pageBytes =
      ThreadLocal.withInitial(() -> new byte[Page.STORED_BYTES]);

  private int underWay;

  PageLoads(
      LiveIndex index,
      Catalogue catalogue,
      StoreLoop loop,
      StoreSettings settings,
      StoreReads.Host host) {
    this.index = index;
    this.catalogue = catalogue;
    this.loop = loop;
    this.settings = settings;
    this.host = host;
  }

  /** Whether other threads load a page. */
  boolean areUnderWay() {
    return underWay > 0;
  }

  /** Whether all pages of the range are in memory. */
  boolean areThere(IndexedChunk chunk, int blockOffset, int blockCount) {
    int last = (blockOffset + blockCount - 1) / Page.BLOCKS;
    boolean all = true;
    for (int p = blockOffset / Page.BLOCKS; p <= last; p++) {
      all &= isThere(chunk, p, blockOffset, blockCount);
    }
    return all;
  }

  private boolean isThere(IndexedChunk chunk, int page, int blockOffset, int blockCount) {
    int first = page * Page.BLOCKS;
    int from = Math.max(blockOffset - first, 0);
    int to = Math.min(blockOffset + blockCount - first, Page.BLOCKS);
    return index.isLoaded(chunk, page, from, to);
  }

  /** The same; when not, they are loaded, and then told, at least once. */
  boolean isLoaded(IndexedChunk chunk, int blockOffset, int blockCount, Runnable whenLoaded) {
    if (areThere(chunk, blockOffset, blockCount)) {
      return true;
    }
    load(chunk, blockOffset, blockCount, whenLoaded);
    return false;
  }

  /** Has the pages of the range loaded that are not in memory, and then tells, at least once. */
  void load(IndexedChunk chunk, int blockOffset, int blockCount, Runnable whenLoaded) {
    int last = (blockOffset + blockCount - 1) / Page.BLOCKS;
    List<Runnable> waiting = List.of();
    for (int p = blockOffset / Page.BLOCKS; p <= last; p++) {
      if (!isThere(chunk, p, blockOffset, blockCount)) {
        waiting = waitersOf(new PageKey(chunk, p));
      }
    }
    // Who waits for the last page looks anew then: by that time most have come.
    if (!waiting.contains(whenLoaded)) {
      waiting.add(whenLoaded);
    }
  }

  private List<Runnable> waitersOf(PageKey key) {
    List<Runnable> known = loads.get(key);
    if (known != null) {
      return known;
    }
    List<Runnable> waiting = new ArrayList<>();
    loads.put(key, waiting);
    underWay++;
    CheckpointPage page = index.anyBase();
    index.setLoading(key.chunk(), key.page(), true);
    loop.offLoop(
        () -> {
          String problem = null;
          try {
            page.read(catalogue, key.chunk().id, key.page(), pageBytes.get());
          } catch (RuntimeException | Error e) {
            problem = String.valueOf(e.getMessage());
          }
          String reason = problem;
          loop.onLoop(() -> loaded(key, page, reason));
        });
    return waiting;
  }

  private void loaded(PageKey key, CheckpointPage page, String problem) {
    underWay--;
    List<Runnable> waiting = loads.remove(key);
    IndexedChunk chunk = key.chunk();
    if (host.isClosed()) {
      host.onIdle();
      return;
    }
    if (!chunk.gone) {
      if (problem != null) {
        // Without it no append can be applied: the device is as good as gone.
        host.onFailed(problem);
        return;
      }
      index.install(chunk, key.page(), page);
      index.setLoading(chunk, key.page(), false);
    }
    waiting.forEach(Runnable::run);
    index.evictSome(EVICT_CHUNKS, settings.pagesMax());
  }
}
