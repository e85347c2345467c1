/**
 * The catalogue in RocksDB: the only room that imports it. Start reading at {@code RocksCatalogue};
 * keys and values are described in FORMAT.md.
 */
package io.cairn.storage.chunk.index;
