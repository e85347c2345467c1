package io.cairn.metadata.model;

/**
 * What the owner of a volume saw on a node, of a chunk that no in-sync replica seems to hold.
 *
 * @param epoch of the chunk's record that the owner knew.
 * @param version last version of the replica, as the data protocol counts them; 0 when it is empty.
 */
public record ReplicaLook(
    int layer, int index, long epoch, long nodeId, ReplicaCondition condition, long version) {}
