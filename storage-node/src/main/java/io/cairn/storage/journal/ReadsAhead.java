package io.cairn.storage.journal;

import io.cairn.storage.chunk.CapacityTier;
import io.cairn.storage.chunk.ChunkId;
import java.util.ArrayDeque;

/**
 * Has a slow capacity tier read ahead of readers that go on where they stopped, off the loop. On
 * the loop.
 */
final class ReadsAhead {
  /** Orders that are under way; what a stream wants beyond is left to its reads. */
  private static final int ORDERS_MAX = 2;

  private final CapacityTier tier;
  private final StoreLoop loop;
  private final StoreCounters counters;
  private final StoreReads.Host host;
  private final ReadStreams streams;
  private final ArrayDeque<Order> unused = new ArrayDeque<>();

  ReadsAhead(
      CapacityTier tier,
      StoreLoop loop,
      StoreSettings settings,
      StoreCounters counters,
      StoreReads.Host host) {
    this.tier = tier;
    this.loop = loop;
    this.counters = counters;
    this.host = host;
    streams = new ReadStreams(settings.aheadBlocksMax());
    for (int i = 0; i < ORDERS_MAX; i++) {
      unused.push(new Order());
    }
  }

  /** Blocks of the tier are read: whether {@link #order} has something to do. */
  boolean isDue(IndexedChunk chunk, int block, int count) {
    return tier.isSlow() && streams.read(chunk.id, block, count);
  }

  /** Somebody waits for the tier itself. */
  void missed() {
    streams.missed();
  }

  /** Has read what follows on the stream of which {@link #isDue} just said so. */
  void order(IndexedChunk chunk) {
    if (unused.isEmpty()) {
      return;
    }
    int from = streams.take();
    int to = Math.min(streams.end(), chunk.sizeBlocks());
    if (from < to) {
      unused.pop().begin(chunk.id, from, to - from);
    }
  }

  /** Whether other threads work on it. */
  boolean areUnderWay() {
    return unused.size() < ORDERS_MAX;
  }

  /** Blocks to be read ahead; used again when they were. */
  private final class Order implements Runnable {
    private final Runnable ended = this::ended;
    private ChunkId chunk;
    private int block;
    private int count;

    void begin(ChunkId of, int firstBlock, int blockCount) {
      chunk = of;
      block = firstBlock;
      count = blockCount;
      counters.aheadBlocks += blockCount;
      loop.offLoop(this);
    }

    /** Off the loop. */
    @Override
    public void run() {
      try {
        tier.readAhead(chunk, block, count);
      } finally {
        loop.onLoop(ended);
      }
    }

    private void ended() {
      chunk = null;
      unused.push(this);
      if (host.isClosed()) {
        host.onIdle();
      }
    }
  }
}
