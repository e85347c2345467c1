package io.cairn.metadata.model;

/**
 * A storage node.
 *
 * @param nodeId given by the metadata, never reused.
 * @param storeIdHigh with storeIdLow, the random identity that the node wrote to its empty data
 *     directory: an emptied directory is a new node.
 * @param incarnation number of the node's current process life.
 * @param shardCount number of shards; fixed for the life of the store.
 */
public record NodeRecord(
    long nodeId,
    long storeIdHigh,
    long storeIdLow,
    String name,
    String host,
    int port,
    String zone,
    String rack,
    String hostLabel,
    long capacityBytes,
    int shardCount,
    long incarnation) {}
