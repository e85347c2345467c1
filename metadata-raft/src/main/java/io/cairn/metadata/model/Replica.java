package io.cairn.metadata.model;

/** One node's copy of a chunk, as recorded. */
public record Replica(long nodeId, ReplicaState state) {}
