/**
 * The metadata state machine: a command is decided into events and a reply, events are replayed
 * into the state. Start reading at {@code MetadataMachine}. Pure: no thread, clock, file, RocksDB,
 * Ratis.
 */
package io.cairn.metadata.machine;
