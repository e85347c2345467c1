package io.cairn.storage.replication;

import io.cairn.storage.env.Dialer;

/**
 * How a replica reaches the replicas of other nodes. All calls and callbacks on the shard's loop.
 */
public interface PeerLinks extends Dialer {
  /** Number of shards of a node; 0 when the node is not known. */
  int shardCount(long nodeId);
}
