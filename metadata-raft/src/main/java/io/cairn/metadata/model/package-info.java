/**
 * Ids and records of the metadata: nodes, volumes, chunks, replicas, ownership. Pure values; start
 * at {@code VolumeRecord} and {@code ChunkRecord}.
 */
package io.cairn.metadata.model;
