/**
 * The capacity tier: a sparse file per chunk, a trash with a delay, and the catalogue's seam. Start
 * reading at {@code CapacityTier}; {@code FileCapacityTier} is its real form, {@code chunk.index}
 * holds the catalogue's.
 */
package io.cairn.storage.chunk;
