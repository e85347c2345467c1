package io.cairn.storage.journal;

import io.cairn.storage.env.Payload;
import io.cairn.storage.replication.ShardStore;
import java.util.ArrayDeque;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Blocks that are read to be compared with their checksums, one request after the other: a scrub
 * has time, and clients have not. On the loop.
 */
final class Verifications {
  private final StoreLoop loop;

  /** The first is under way. */
  private final ArrayDeque<Runnable> queue = new ArrayDeque<>();

  Verifications(StoreLoop loop) {
    this.loop = loop;
  }

  /**
   * Has blocks read when it is their turn.
   *
   * @param sink gets what is known of them, without their bytes.
   * @param read reads them for the sink that it is given.
   * @param isClosed whether nothing more may be begun.
   */
  void add(ShardStore.ReadSink sink, Consumer<ShardStore.ReadSink> read, BooleanSupplier isClosed) {
    queue.add(() -> read.accept(new Verification(sink, isClosed)));
    if (queue.size() == 1) {
      queue.peek().run();
    }
  }

  /** Passes on what was found, and begins the next. */
  private final class Verification implements ShardStore.ReadSink {
    private final ShardStore.ReadSink sink;
    private final BooleanSupplier isClosed;

    Verification(ShardStore.ReadSink sink, BooleanSupplier isClosed) {
      this.sink = sink;
      this.isClosed = isClosed;
    }

    @Override
    public void onBlocks(int[] crcs, long[] versions, Payload payload) {
      sink.onBlocks(crcs, versions, null);
      next();
    }

    @Override
    public void onUnreadable(int block, String reason) {
      sink.onUnreadable(block, reason);
      next();
    }

    private void next() {
      queue.remove();
      if (!queue.isEmpty()) {
        // In a turn of its own: blocks that are all in the journal's memory come at once.
        loop.onLoop(
            () -> {
              if (!isClosed.getAsBoolean()) {
                queue.peek().run();
              }
            });
      }
    }
  }
}
