/**
 * The volume session: splits, sequences, replicates, takes over. Start reading at {@code VolumeIo},
 * which is what the protocol servers call, then {@code VolumeSession}, which hosts it. {@code
 * Ownership} takes the volume, {@code Allocation} gets chunks, {@code BlockRequests} splits what is
 * asked; {@code OwnedChunk} makes replicas equal and acknowledges, {@code WriteWindow} keeps writes
 * until they are durable, {@code Lease} says whether a read may be answered, and {@code Membership}
 * alone moves replicas into and out of the in-sync set.
 *
 * <p>The core is pure: it imports no thread, clock, socket, file or Netty. Of the storage node it
 * uses {@code env} and {@code wire} only.
 */
package io.cairn.client.volume;
