/**
 * The read cache: blocks of the capacity tier that are read again and again, kept on the NVMe
 * device as well. Start reading at {@code ReadCache}; {@code CacheIndex} is the policy, pure,
 * {@code FileCacheDevice} the device's real form. Bytes in FORMAT.md, the choice of the policy in
 * docs/adr/0005-read-cache.md.
 *
 * <p>Imports no Netty and no RocksDB, and of the other rooms {@code device} and {@code wire} only.
 */
package io.cairn.storage.cache;
