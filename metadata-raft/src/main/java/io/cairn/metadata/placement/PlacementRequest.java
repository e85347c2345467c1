package io.cairn.metadata.placement;

/**
 * A chunk that wants replicas.
 *
 * @param preferredHost host label that should get one of them, or empty.
 */
public record PlacementRequest(
    long volumeId, int layer, int index, int chunkSizeBytes, int replicas, String preferredHost) {}
