package io.cairn.storage.node;

import io.cairn.storage.env.Payloads;
import io.cairn.storage.replication.ShardStore;
import io.netty.channel.EventLoop;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.SortedSet;

/**
 * The devices of one node: opens the stores of its shards and holds what they share. Called from
 * threads that may block, except where it says otherwise.
 */
interface ShardStores extends AutoCloseable {
  /** Whose the stores are; checked against what lies on the devices. */
  record Owner(long clusterId, long nodeId, long incarnation) {}

  /**
   * Where the stores lie and how large they may be.
   *
   * @param capacityLimitBytes most that chunks may take; 0 for all that there is.
   * @param capacityReserveBytes left free on the capacity directory's file system.
   * @param journalBytes size of each shard's journal.
   */
  record Plan(
      Path cacheDirectory,
      Path capacityDirectory,
      long capacityLimitBytes,
      long capacityReserveBytes,
      long journalBytes,
      int segmentBytes,
      Duration trashDelay) {}

  /** Makes a node's stores. */
  interface Factory {
    /**
     * Prepares the devices.
     *
     * @throws IOException with one line that names the device and says what is wrong with it.
     */
    ShardStores open(Plan plan, Owner owner) throws IOException;
  }

  /** One shard's store. All calls on the shard's loop. */
  interface Opened {
    /** What the replica machine works on. */
    ShardStore store();

    /** Begins to call the listener. */
    void start(ShardStore.Listener listener);

    /** Volumes of which the shard holds chunks. */
    SortedSet<Long> volumes();

    /** Bytes of the journal that are not free. */
    long journalUsedBytes();

    /** Size of the journal. */
    long journalSizeBytes();

    /** Chunks that the shard holds. */
    int chunkCount();

    /**
     * Makes everything durable and gives the files and all memory back.
     *
     * @param done runs on any thread.
     */
    void stop(Runnable done);
  }

  /**
   * Recovers one shard's store; blocks for as long as that takes.
   *
   * @param loop the shard's.
   */
  Opened openShard(int shard, EventLoop loop, Payloads payloads) throws IOException;

  /** Space that chunks may take in all; any thread. */
  long capacityBytes();

  /** Space that chunks take or have set aside; any thread. */
  long usedBytes();

  /** Deletes what has been in the trash for long enough. */
  void emptyTrash() throws IOException;

  @Override
  void close() throws IOException;
}
