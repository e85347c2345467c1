package io.cairn.storage.replication;

import io.cairn.storage.wire.Status;

/** Hears of one shard's catch-ups, for people: called on the shard's loop, must not call back. */
public interface CatchUpObserver {
  /** Nobody. */
  CatchUpObserver NONE =
      new CatchUpObserver() {
        @Override
        public void onBegun(long volumeId, int layer, int index, long sourceNodeId) {}

        @Override
        public void onEnded(
            long volumeId,
            int layer,
            int index,
            long sourceNodeId,
            Status status,
            long copiedBlocks,
            int sizeBlocks) {}
      };

  /** A chunk begins to catch up from the source. */
  void onBegun(long volumeId, int layer, int index, long sourceNodeId);

  /**
   * It ended.
   *
   * @param status OK when the chunk lacks nothing any more.
   * @param copiedBlocks blocks that were copied, of sizeBlocks that the chunk has.
   */
  void onEnded(
      long volumeId,
      int layer,
      int index,
      long sourceNodeId,
      Status status,
      long copiedBlocks,
      int sizeBlocks);
}
