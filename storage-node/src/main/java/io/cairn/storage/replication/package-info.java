/**
 * The replica's side of the replication protocol: fences, sequences, catch-up. Start reading at
 * {@code ReplicaShard}. Pure: no thread, clock, socket, file, Netty or RocksDB.
 */
package io.cairn.storage.replication;
