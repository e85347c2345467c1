package io.cairn.metadata.ratis;

import io.cairn.metadata.machine.KeyValues;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.BiPredicate;
import org.rocksdb.Options;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.Status;
import org.rocksdb.WriteBatchWithIndex;
import org.rocksdb.WriteOptions;

/**
 * The state in RocksDB. What one log entry changes is gathered in a batch, which {@link #commit}
 * makes one with the entry's term and index: after a crash the state is that after some entry, and
 * it says after which. Not thread-safe; the state machine serializes.
 */
final class RocksKeyValues implements KeyValues, AutoCloseable {
  private static final byte[] APPLIED = "~applied".getBytes(StandardCharsets.US_ASCII);

  private final Options options;
  private final WriteOptions writes;
  private final ReadOptions reads;
  private final RocksDB db;
  private final WriteBatchWithIndex batch;

  private RocksKeyValues(Options options, RocksDB db) {
    this.options = options;
    this.db = db;
    batch = new WriteBatchWithIndex(true);
    // The Raft log is durable and says what to apply again: the database need not sync each entry.
    writes = new WriteOptions().setSync(false);
    reads = new ReadOptions();
  }

  /**
   * Opens the directory, which it makes when there is none, and reads all of it: a state has some
   * megabytes, and what is damaged is to be known before anybody counts on it.
   *
   * @throws DamagedStateException when it holds something else than what was written.
   */
  static RocksKeyValues open(Path directory) throws IOException {
    RocksDB.loadLibrary();
    Files.createDirectories(directory);
    Options options =
        new Options().setCreateIfMissing(true).setMaxOpenFiles(256).setKeepLogFileNum(2);
    RocksDB db = null;
    try {
      db = RocksDB.open(options, directory.toString());
      db.verifyChecksum();
      return new RocksKeyValues(options, db);
    } catch (RocksDBException e) {
      if (db != null) {
        db.close();
      }
      options.close();
      throw failure("cannot open the metadata in " + directory, e);
    }
  }

  private static IOException failure(String what, RocksDBException e) {
    String message = what + ": " + e.getMessage();
    Status status = e.getStatus();
    boolean damaged =
        status != null
            && (status.getCode() == Status.Code.Corruption || message.contains("No such file"));
    return damaged ? new DamagedStateException(message, e) : new IOException(message, e);
  }

  /**
   * Term and index of the last entry that is in the state, as two longs; null when there is none.
   */
  long[] applied() throws IOException {
    try {
      byte[] value = db.get(APPLIED);
      if (value == null) {
        return null;
      }
      String[] parts = new String(value, StandardCharsets.US_ASCII).split(":");
      return new long[] {Long.parseLong(parts[0]), Long.parseLong(parts[1])};
    } catch (RocksDBException e) {
      throw failure("cannot read up to where the state is applied", e);
    }
  }

  /** Writes what was changed since the last commit, together with the position. */
  void commit(long term, long index) throws IOException {
    try {
      batch.put(APPLIED, (term + ":" + index).getBytes(StandardCharsets.US_ASCII));
      db.write(writes, batch);
      batch.clear();
    } catch (RocksDBException e) {
      throw failure("cannot store entry " + index, e);
    }
  }

  /**
   * Writes what was changed so far without a position. Only for a state that is being restored: one
   * without a position is empty to whoever opens it next.
   */
  void writeAhead() throws IOException {
    try {
      db.write(writes, batch);
      batch.clear();
    } catch (RocksDBException e) {
      throw new IOException("cannot restore: " + e.getMessage(), e);
    }
  }

  /** Makes all commits durable. */
  void sync() throws IOException {
    try {
      db.flushWal(true);
    } catch (RocksDBException e) {
      throw new IOException(e);
    }
  }

  /** Removes everything. */
  void clear() throws IOException {
    try {
      db.deleteRange(new byte[0], new byte[] {(byte) 0xFF});
      batch.clear();
    } catch (RocksDBException e) {
      throw new IOException(e);
    }
  }

  @Override
  public byte[] get(String key) {
    try {
      return batch.getFromBatchAndDB(db, reads, bytes(key));
    } catch (RocksDBException e) {
      throw new UncheckedIOException(failure("cannot read " + key, e));
    }
  }

  @Override
  public void put(String key, byte[] value) {
    try {
      batch.put(bytes(key), value);
    } catch (RocksDBException e) {
      throw new UncheckedIOException("cannot write " + key, new IOException(e));
    }
  }

  @Override
  public void delete(String key) {
    try {
      batch.delete(bytes(key));
    } catch (RocksDBException e) {
      throw new UncheckedIOException("cannot delete " + key, new IOException(e));
    }
  }

  @Override
  public void scan(String from, String to, BiPredicate<String, byte[]> visitor) {
    // The iterator over batch and database owns the one below it.
    try (RocksIterator keys = batch.newIteratorWithBase(db.newIterator())) {
      for (keys.seek(bytes(from)); keys.isValid(); keys.next()) {
        String key = new String(keys.key(), StandardCharsets.US_ASCII);
        if (key.compareTo(to) >= 0 || !visitor.test(key, keys.value())) {
          return;
        }
      }
      // A page that cannot be read ends the keys as if there were no more.
      keys.status();
    } catch (RocksDBException e) {
      throw new UncheckedIOException(failure("cannot read the keys from " + from, e));
    }
  }

  private static byte[] bytes(String key) {
    return key.getBytes(StandardCharsets.US_ASCII);
  }

  @Override
  public void close() {
    batch.close();
    db.close();
    reads.close();
    writes.close();
    options.close();
  }
}
