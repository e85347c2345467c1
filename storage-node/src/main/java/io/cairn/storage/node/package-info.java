/**
 * A storage node's process: its options, its shards on their event loops, its place in the cluster,
 * metrics. Start reading at {@code StorageNode}; {@code ShardLoop} joins one shard's replica
 * machine, its store and its sockets on one thread.
 *
 * <p>Decides nothing about replication: that is {@code replication}.
 */
package io.cairn.storage.node;
