package io.cairn.storage.chunk.index;

import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.device.OutOfSpaceException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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
import org.rocksdb.Statistics;
import org.rocksdb.StatsLevel;
import org.rocksdb.Status;
import org.rocksdb.TickerType;
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
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
  private static final int CHUNK_KEY_BYTES = 17;
  private static final int PAGE_KEY_BYTES = CHUNK_KEY_BYTES + 4;
  private static final long CACHE_BYTES = 8L << 20;
  private static final long WRITE_BUFFER_BYTES = 8L << 20;

  static {
    RocksDB.loadLibrary();
    // Compaction has time; requests have none.
    Env.getDefault().lowerThreadPoolCPUPriority(Priority.LOW);
  }

  /** What the database writes: its log, its tables when they are made, and when they are merged. */
  private static final List<TickerType> WRITTEN =
      List.of(
          TickerType.WAL_FILE_BYTES, TickerType.FLUSH_WRITE_BYTES, TickerType.COMPACT_WRITE_BYTES);

  private final Options options;
  private final Statistics statistics;
  private final LRUCache cache;
  private final WriteOptions synced = new WriteOptions().setSync(true);
  private final RocksDB db;

  /** A page's key, made anew by each thread for each page that it reads. */
  private final ThreadLocal<byte[]> pageKeys =
      ThreadLocal.withInitial(() -> new byte[PAGE_KEY_BYTES]);

  private volatile long checkpointLsn;

  private RocksCatalogue(Options options, Statistics statistics, LRUCache cache, RocksDB db) {
    this.options = options;
    this.statistics = statistics;
    this.cache = cache;
    this.db = db;
  }

  /**
   * Opens the directory, which it makes when there is none, and reads all of its tables: half a
   * percent of what the shard stores. Whatever rotted in them is known before anybody counts on it.
   *
   * @throws IOException when the device fails, and when something else is there than what was
   *     written; nothing is changed then.
   */
  public static RocksCatalogue open(Path directory) throws IOException {
    Files.createDirectories(directory);
    LRUCache cache = new LRUCache(CACHE_BYTES);
    Statistics statistics = new Statistics();
    statistics.setStatsLevel(StatsLevel.EXCEPT_DETAILED_TIMERS);
    Options options =
        new Options()
            .setCreateIfMissing(true)
            .setCompressionType(CompressionType.LZ4_COMPRESSION)
            .setWriteBufferSize(WRITE_BUFFER_BYTES)
            .setMaxWriteBufferNumber(2)
            .setMaxTotalWalSize(4 * WRITE_BUFFER_BYTES)
            .setMaxOpenFiles(128)
            .setKeepLogFileNum(2)
            .setStatistics(statistics)
            .setStatsDumpPeriodSec(0)
            .setStatsPersistPeriodSec(0)
            .setTableFormatConfig(
                new BlockBasedTableConfig()
                    .setBlockCache(cache)
                    .setCacheIndexAndFilterBlocks(true)
                    .setBlockSize(16 << 10));
    RocksDB db = null;
    try {
      db = RocksDB.open(options, directory.toString());
      db.verifyChecksum();
      RocksCatalogue catalogue = new RocksCatalogue(options, statistics, cache, db);
      byte[] value = db.get(CHECKPOINT);
      catalogue.checkpointLsn = value == null ? 0 : value(value).getLong();
      return catalogue;
    } catch (RocksDBException e) {
      if (db != null) {
        db.close();
      }
      options.close();
      statistics.close();
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

  private static byte[] chunkKey(ChunkId id) {
    return ByteBuffer.allocate(CHUNK_KEY_BYTES)
        .put((byte) 'c')
        .putLong(id.volumeId())
        .putInt(id.layer())
        .putInt(id.index())
        .array();
  }

  private static byte[] pageKey(ChunkId id, int page) {
    byte[] key = new byte[PAGE_KEY_BYTES];
    setPageKey(key, id, page);
    return key;
  }

  private static void setPageKey(byte[] key, ChunkId id, int page) {
    key[0] = 'p';
    LONG.set(key, 1, id.volumeId());
    INT.set(key, 9, id.layer());
    INT.set(key, 13, id.index());
    INT.set(key, CHUNK_KEY_BYTES, page);
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
  public int page(ChunkId chunk, int page, byte[] target) throws IOException {
    byte[] key = pageKeys.get();
    setPageKey(key, chunk, page);
    try {
      int length = db.get(key, target);
      return length == RocksDB.NOT_FOUND ? 0 : length;
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
  public void commit(Batch batch) throws IOException {
    try (Checkpoint checkpoint = begin()) {
      for (ChunkId id : batch.deleted()) {
        checkpoint.delete(id);
      }
      batch.fences().forEach(checkpoint::putFence);
      for (Stored chunk : batch.chunks()) {
        checkpoint.putChunk(chunk);
      }
      for (StoredPage page : batch.pages()) {
        checkpoint.putPage(page.chunk(), page.page(), page.bytes());
      }
      checkpoint.commit(batch.checkpointLsn());
    }
  }

  @Override
  public Checkpoint begin() {
    return new Writes();
  }

  /** The parts go into the batch's own memory as they come. */
  private final class Writes implements Checkpoint {
    private final WriteBatch writes = new WriteBatch();
    private final Map<Long, Long> fences = new TreeMap<>();
    private final byte[] pageKey = new byte[PAGE_KEY_BYTES];

    @Override
    public void delete(ChunkId id) throws IOException {
      try {
        writes.delete(chunkKey(id));
        writes.deleteRange(pageKey(id, 0), pageKey(id, Integer.MAX_VALUE));
      } catch (RocksDBException e) {
        throw failure(e);
      }
    }

    @Override
    public void putFence(long volumeId, long generation) {
      fences.put(volumeId, generation);
    }

    @Override
    public void putChunk(Stored chunk) throws IOException {
      ByteBuffer b =
          newValue(20 + Long.BYTES * chunk.pages().length)
              .putInt(chunk.sizeBlocks())
              .putLong(chunk.lastVersion())
              .putLong(chunk.syncGeneration());
      for (long pages : chunk.pages()) {
        b.putLong(pages);
      }
      put(chunkKey(chunk.chunk()), b.array());
    }

    @Override
    public void putPage(ChunkId chunk, int page, byte[] bytes) throws IOException {
      setPageKey(pageKey, chunk, page);
      put(pageKey, bytes);
    }

    private void put(byte[] key, byte[] value) throws IOException {
      try {
        writes.put(key, value);
      } catch (RocksDBException e) {
        throw failure(e);
      }
    }

    @Override
    public void commit(long lsn) throws IOException {
      synchronized (RocksCatalogue.this) {
        try {
          for (Map.Entry<Long, Long> fence : fences.entrySet()) {
            long generation = Math.max(fence.getValue(), fence(fence.getKey()));
            writes.put(fenceKey(fence.getKey()), newValue(8).putLong(generation).array());
          }
          writes.put(CHECKPOINT, newValue(8).putLong(lsn).array());
          db.write(synced, writes);
          checkpointLsn = lsn;
        } catch (RocksDBException e) {
          throw failure(e);
        }
      }
    }

    @Override
    public void close() {
      writes.close();
    }
  }

  private static IOException failure(RocksDBException e) {
    Status status = e.getStatus();
    if (status != null && status.getSubCode() == Status.SubCode.NoSpace) {
      return new OutOfSpaceException("the catalogue has no room: " + e.getMessage());
    }
    return new IOException("the catalogue failed: " + e.getMessage(), e);
  }

  /** Bytes that were written to the device since it was opened; any thread, 0 once it is closed. */
  public long writtenBytes() {
    synchronized (statistics) {
      return statistics.isOwningHandle()
          ? WRITTEN.stream().mapToLong(statistics::getTickerCount).sum()
          : 0;
    }
  }

  @Override
  public void close() {
    synced.close();
    db.close();
    options.close();
    synchronized (statistics) {
      statistics.close();
    }
    cache.close();
  }
}
