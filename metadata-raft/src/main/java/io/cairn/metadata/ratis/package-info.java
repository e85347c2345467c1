/**
 * The metadata group: Apache Ratis around the pure machine, RocksDB behind its state. Start reading
 * at {@code MetadataStateMachine}. The only room that imports Ratis; nothing outside sees its
 * types.
 */
package io.cairn.metadata.ratis;
