package io.cairn.storage.chunk.index;

import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.device.OutOfSpaceException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.CompressionType;
import org.rocksdb.Env;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.Priority;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Status;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * {@link Catalogue} over RocksDB. Keys are big endian, so that they sort as numbers; values are
 * little endian and begin with a format byte.
 *
 * <pre>
 * 'c' volumeId:8 layer:4 index:4          chunk: 1, sizeBlocks:4 lastVersion:8 syncGeneration:8 pages:8 each
 * 'f' volumeId:8                          fence: 1, generation:8
 * 'm' "checkpoint"                        1, lsn:8
 * 'p' volumeId:8 layer:4 index:4 page:4   the page's stored form
 * </pre>
 */
public final class RocksCatalogue implements Catalogue {
  private static final byte FORMAT = 1;
  private static final byte[] CHECKPOINT = {'m', 'c', 'p'};
  private static final long CACHE_BYTES = 8L << 20;
  private static final long WRITE_BUFFER_BYTES = 8L << 20;

  static {
    RocksDB.loadLibrary();
    // Compaction has time; requests have none.
    Env.getDefault().lowerThreadPoolCPUPriority(Priority.LOW);
  }

  private final Options options;
  private final LRUCache cache;
  private final WriteOptions synced = new WriteOptions().setSync(true);
  private final RocksDB db;
  private volatile long checkpointLsn;

  private RocksCatalogue(Options options, LRUCache cache, RocksDB db) {
    this.options = options;
    this.cache = cache;
    this.db = db;
  }

  /** Opens the directory, which it makes when there is none. */
  public static RocksCatalogue open(Path directory) throws IOException {
    Files.createDirectories(directory);
    LRUCache cache = new LRUCache(CACHE_BYTES);
    Options options =
        new Options()
            .setCreateIfMissing(true)
            .setCompressionType(CompressionType.LZ4_COMPRESSION)
            .setWriteBufferSize(WRITE_BUFFER_BYTES)
            .setMaxWriteBufferNumber(2)
            .setMaxTotalWalSize(4 * WRITE_BUFFER_BYTES)
            .setMaxOpenFiles(128)
            .setKeepLogFileNum(2)
            .setStatsDumpPeriodSec(0)
            .setStatsPersistPeriodSec(0)
            .setTableFormatConfig(
                new BlockBasedTableConfig()
                    .setBlockCache(cache)
                    .setCacheIndexAndFilterBlocks(true)
                    .setBlockSize(16 << 10));
    try {
      RocksCatalogue catalogue =
          new RocksCatalogue(options, cache, RocksDB.open(options, directory.toString()));
      byte[] value = catalogue.db.get(CHECKPOINT);
      catalogue.checkpointLsn = value == null ? 0 : value(value).getLong();
      return catalogue;
    } catch (RocksDBException e) {
      options.close();
      cache.close();
      throw new IOException("cannot open the catalogue " + directory + ": " + e.getMessage(), e);
    }
  }

  private static ByteBuffer value(byte[] bytes) {
    ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    byte format = b.get();
    if (format != FORMAT) {
      throw new IllegalStateException("catalogue value of format " + format + ", not " + FORMAT);
    }
    return b;
  }

  private static ByteBuffer newValue(int bytes) {
    return ByteBuffer.allocate(1 + bytes).order(ByteOrder.LITTLE_ENDIAN).put(FORMAT);
  }

  private static ByteBuffer key(char kind, ChunkId id, int more) {
    return ByteBuffer.allocate(17 + more)
        .put((byte) kind)
        .putLong(id.volumeId())
        .putInt(id.layer())
        .putInt(id.index());
  }

  private static byte[] chunkKey(ChunkId id) {
    return key('c', id, 0).array();
  }

  private static byte[] pageKey(ChunkId id, int page) {
    return key('p', id, 4).putInt(page).array();
  }

  private static byte[] fenceKey(long volumeId) {
    return ByteBuffer.allocate(9).put((byte) 'f').putLong(volumeId).array();
  }

  @Override
  public long checkpointLsn() {
    return checkpointLsn;
  }

  @Override
  public Map<Long, Long> fences() throws IOException {
    Map<Long, Long> fences = new TreeMap<>();
    forEach(
        'f', (key, value) -> fences.put(ByteBuffer.wrap(key).getLong(1), value(value).getLong()));
    return fences;
  }

  @Override
  public List<Stored> chunks() throws IOException {
    List<Stored> chunks = new ArrayList<>();
    forEach(
        'c',
        (key, value) -> {
          ByteBuffer k = ByteBuffer.wrap(key);
          chunks.add(stored(new ChunkId(k.getLong(1), k.getInt(9), k.getInt(13)), value(value)));
        });
    return chunks;
  }

  private void forEach(char kind, BiConsumer<byte[], byte[]> visitor) throws IOException {
    try (RocksIterator entries = db.newIterator()) {
      byte[] prefix = {(byte) kind};
      for (entries.seek(prefix);
          entries.isValid() && entries.key()[0] == prefix[0];
          entries.next()) {
        visitor.accept(entries.key(), entries.value());
      }
      entries.status();
    } catch (RocksDBException e) {
      throw failure(e);
    }
  }

  private static Stored stored(ChunkId id, ByteBuffer b) {
    int sizeBlocks = b.getInt();
    long lastVersion = b.getLong();
    long syncGeneration = b.getLong();
    long[] pages = new long[b.remaining() / Long.BYTES];
    for (int i = 0; i < pages.length; i++) {
      pages[i] = b.getLong();
    }
    return new Stored(id, sizeBlocks, lastVersion, syncGeneration, pages);
  }

  @Override
  public Stored chunk(ChunkId chunk) throws IOException {
    try {
      byte[] bytes = db.get(chunkKey(chunk));
      return bytes == null ? null : stored(chunk, value(bytes));
    } catch (RocksDBException e) {
      throw failure(e);
    }
  }

  @Override
  public byte[] page(ChunkId chunk, int page) throws IOException {
    try {
      return db.get(pageKey(chunk, page));
    } catch (RocksDBException e) {
      throw failure(e);
    }
  }

  @Override
  public synchronized void raiseFence(long volumeId, long generation) throws IOException {
    try {
      if (fence(volumeId) < generation) {
        db.put(synced, fenceKey(volumeId), newValue(8).putLong(generation).array());
      }
    } catch (RocksDBException e) {
      throw failure(e);
    }
  }

  private long fence(long volumeId) throws RocksDBException {
    byte[] bytes = db.get(fenceKey(volumeId));
    return bytes == null ? 0 : value(bytes).getLong();
  }

  @Override
  public synchronized void commit(Batch batch) throws IOException {
    try (WriteBatch writes = new WriteBatch()) {
      for (ChunkId id : batch.deleted()) {
        writes.delete(chunkKey(id));
        writes.deleteRange(pageKey(id, 0), pageKey(id, Integer.MAX_VALUE));
      }
      for (Map.Entry<Long, Long> fence : batch.fences().entrySet()) {
        long generation = Math.max(fence.getValue(), fence(fence.getKey()));
        writes.put(fenceKey(fence.getKey()), newValue(8).putLong(generation).array());
      }
      for (Stored chunk : batch.chunks()) {
        ByteBuffer b =
            newValue(20 + Long.BYTES * chunk.pages().length)
                .putInt(chunk.sizeBlocks())
                .putLong(chunk.lastVersion())
                .putLong(chunk.syncGeneration());
        Arrays.stream(chunk.pages()).forEach(b::putLong);
        writes.put(chunkKey(chunk.chunk()), b.array());
      }
      for (StoredPage page : batch.pages()) {
        writes.put(pageKey(page.chunk(), page.page()), page.bytes());
      }
      writes.put(CHECKPOINT, newValue(8).putLong(batch.checkpointLsn()).array());
      db.write(synced, writes);
      checkpointLsn = batch.checkpointLsn();
    } catch (RocksDBException e) {
      throw failure(e);
    }
  }

  private static IOException failure(RocksDBException e) {
    Status status = e.getStatus();
    if (status != null && status.getSubCode() == Status.SubCode.NoSpace) {
      return new OutOfSpaceException("the catalogue has no room: " + e.getMessage());
    }
    return new IOException("the catalogue failed: " + e.getMessage(), e);
  }

  @Override
  public void close() {
    synced.close();
    db.close();
    options.close();
    cache.close();
  }
}
