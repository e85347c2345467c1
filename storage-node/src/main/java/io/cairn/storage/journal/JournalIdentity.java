package io.cairn.storage.journal;

/** Whose journal it is; written into each segment and checked when it is opened. */
public record JournalIdentity(long clusterId, long nodeId, int shard) {}
