/**
 * The cache tier of one shard: a log of records in a ring of prewritten segments, the index of what
 * it holds, and the destager that moves its oldest part into the capacity tier. Start reading at
 * {@code JournaledStore}; the bytes are described in FORMAT.md.
 *
 * <p>Imports no Netty and no RocksDB: segments come in as {@code env.Region}, the capacity tier and
 * the catalogue through the seams of {@code chunk}, threads through {@code StoreLoop}. So the
 * simulator runs this code on virtual time, over regions that lose what was not forced.
 */
package io.cairn.storage.journal;
