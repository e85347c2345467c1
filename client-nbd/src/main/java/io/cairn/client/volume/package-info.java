/**
 * The volume session: splits, sequences, replicates, takes over. Start reading at {@code VolumeIo},
 * which is what the protocol servers call. The core is pure.
 */
package io.cairn.client.volume;
