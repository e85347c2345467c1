package io.cairn.metadata.placement;

/**
 * A node that may get a replica.
 *
 * @param freeBytes what it last reported; the weight.
 */
public record Candidate(long nodeId, String zone, String rack, String hostLabel, long freeBytes) {}
