package io.cairn.storage.journal;

import io.cairn.storage.env.Region;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import java.nio.ByteOrder;
import java.util.List;
import java.util.function.Consumer;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A log of records in a pool of equal segments, which are used again when they are free. The
 * position of a byte, its LSN, is segment serial times segment size plus offset; it only grows,
 * over restarts too. One sync is under way at most, and it covers all that was appended when it
 * began: that is the group commit.
 *
 * <p>Lives on the shard's loop, but for {@link #segment}, whose bytes below the tail's owner may
 * read on another thread as long as they are not freed.
 *
 * <pre>
 * segment header, little endian, 64 bytes:
 *  0 int magic "CRNS"   4 short version = 1   6 short reserved   8 int headerCrc  12 int segmentBytes
 * 16 long serial       24 long clusterId     32 long nodeId     40 int shard     44 int reserved
 * 48 long durableLsn when the header was written: what lies before it was durable once
 * 56 long reserved, zero
 * </pre>
 */
final class Journal {
  static final int SEGMENT_MAGIC = 0x534E5243;
  static final short SEGMENT_VERSION = 1;
  static final int SEGMENT_HEADER_BYTES = 64;

  /** Fewest segments: one that is written, one that is destaged, one for the next life's record. */
  static final int SEGMENTS_MIN = 4;

  /** Blocks of a record from which on they begin with a page: at most 6 % more of the journal. */
  static final int ALIGNED_BLOCKS_MIN = 16;

  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  /** Hears of syncs. */
  interface Listener {
    /** Everything before the position is durable. */
    void onDurable(long lsn);

    /** A sync failed; that is final. */
    void onFailed(Throwable failure);
  }

  private static final Listener NOBODY =
      new Listener() {
        @Override
        public void onDurable(long lsn) {}

        @Override
        public void onFailed(Throwable failure) {}
      };

  /**
   * What recovery found.
   *
   * @param records records behind the checkpoint.
   * @param endLsn where the log ended.
   * @param endReason why nothing more was taken: "no record" at a clean end, else what was wrong
   *     with the bytes there, as after a power loss.
   * @param lostLsn a position behind the end that was durable once, so that this is no power loss
   *     but a damaged device; 0 when there is no such evidence.
   */
  record Recovered(long records, long endLsn, String endReason, long lostLsn) {}

  private final JournalIdentity identity;
  private final SegmentPool pool;
  private final int segmentBytes;
  private final boolean inMemory;

  /** How many segments there are to be. */
  private int wantedCount;

  private final JournalRecord record = new JournalRecord();
  private final Crc32c crc = new Crc32c();
  private final UnsafeBuffer scratch = new UnsafeBuffer(new byte[SEGMENT_HEADER_BYTES]);
  private Listener listener = NOBODY;
  private long life;
  private long tailLsn;
  private long headLsn;
  private long durableLsn;
  private boolean syncing;
  private boolean syncAgain;

  /** Of the sync that is under way: the segment, and where it is to end. */
  private long forcedSerial;

  private long forcedTargetLsn;
  private final Consumer<Throwable> whenForced = this::forced;
  private boolean failed;
  private long recoveredRecords;
  private String endReason = "no record";

  Journal(JournalIdentity identity, List<Region> ring) {
    if (ring.size() < SEGMENTS_MIN) {
      throw new IllegalArgumentException(
          "a journal needs at least " + SEGMENTS_MIN + " segments and has " + ring.size());
    }
    this.identity = identity;
    this.pool = new SegmentPool(ring);
    this.wantedCount = ring.size();
    this.segmentBytes = ring.getFirst().sizeBytes();
    this.inMemory = ring.stream().allMatch(Region::isMemory);
  }

  void listener(Listener value) {
    listener = value;
  }

  /** Whether what is destaged may be written from where it lies. */
  boolean isInMemory() {
    return inMemory;
  }

  int segmentBytes() {
    return segmentBytes;
  }

  /** What may be used: while segments are still to be taken away, these do not count. */
  long capacityBytes() {
    return (long) segmentBytes * Math.min(wantedCount, pool.count());
  }

  /** How many segments there are. */
  int segmentCount() {
    return pool.count();
  }

  /** How many segments there are to be. */
  int wantedCount() {
    return wantedCount;
  }

  /**
   * So many segments there are to be from now on; who says so adds them, or takes them away.
   *
   * @param count at least {@value #SEGMENTS_MIN}.
   */
  void want(int count) {
    if (count < SEGMENTS_MIN) {
      throw new IllegalArgumentException(
          "a journal of " + count + " segments; at least " + SEGMENTS_MIN + " are needed");
    }
    wantedCount = count;
  }

  /** More segments, all zeroes, and so on the device too. */
  void add(List<Region> more) {
    for (Region region : more) {
      if (region.sizeBytes() != segmentBytes || region.isMemory() != inMemory) {
        throw new IllegalArgumentException("a segment unlike the others");
      }
    }
    pool.add(more);
  }

  /**
   * Takes away segments that are too many, as far as they are free and the log can go on without
   * them. All that they hold is in the capacity tier: should one of them be there again after a
   * loss of power, nobody needs its serial.
   */
  List<Region> takeSurplus() {
    if (pool.leftoverClaim(headLsn / segmentBytes) != SegmentPool.NONE) {
      return List.of();
    }
    long needed = headLsn / segmentBytes - tailLsn / segmentBytes + 1;
    // So that the next segment, and the next life's, has a place as before.
    int left = (int) Math.max(wantedCount, needed + 2);
    return pool.takeFree(left, tailLsn / segmentBytes);
  }

  /**
   * Where the log must have come to before a segment can be taken away, for what a loss of power
   * left behind its end; 0 when it has.
   */
  long leftoverEndLsn() {
    long claim = pool.leftoverClaim(headLsn / segmentBytes);
    return claim == SegmentPool.NONE ? 0 : (claim + 1) * segmentBytes;
  }

  /** Position behind the last record. */
  long headLsn() {
    return headLsn;
  }

  /** Position of the first record that is still needed. */
  long tailLsn() {
    return tailLsn;
  }

  long durableLsn() {
    return durableLsn;
  }

  long usedBytes() {
    return headLsn - tailLsn;
  }

  /** The segment's bytes that hold the position. */
  MutableDirectBuffer segment(long lsn) {
    return pool.of(lsn / segmentBytes).buffer();
  }

  /** Index of the position within its segment. */
  int offset(long lsn) {
    return (int) (lsn % segmentBytes);
  }

  /**
   * Finds the end of the log, feeding each record from the checkpoint on to the visitor, and begins
   * a new life there. Blocks the caller for as long as the log is long.
   *
   * @param checkpointLsn where the first record that is needed begins; 0 when the journal is new.
   * @param newLife higher than that of any process before.
   */
  Recovered recover(long checkpointLsn, long newLife, Consumer<JournalRecord> visitor) {
    tailLsn = checkpointLsn == 0 ? segmentBytes : checkpointLsn;
    durableLsn = tailLsn;
    readClaims();
    String problem = enter(tailLsn / segmentBytes);
    if (problem == null) {
      scan(tailLsn, visitor);
    } else if (checkpointLsn == 0 && isUnused()) {
      beginSegment(1);
      headLsn = tailLsn + SEGMENT_HEADER_BYTES;
    } else {
      // Beginning anew would forget what was acknowledged.
      throw new IllegalStateException(
          "the journal lacks the segment at the catalogue's checkpoint "
              + checkpointLsn
              + " ("
              + problem
              + "): journal and catalogue do not belong together, or the journal is damaged");
    }
    long endLsn = headLsn;
    long lostLsn = lostLsn(endLsn);
    life = newLife;
    appendBare(JournalRecord.LIFE, 0, 0, 0, 0, newLife, 0, 0);
    return new Recovered(recoveredRecords, endLsn, endReason, lostLsn);
  }

  /**
   * Whether no segment says that anything was ever durable: the first one may be missing although
   * later ones are there, when the power was lost before the first sync ended.
   */
  private boolean isUnused() {
    for (Region region : pool.regions()) {
      MutableDirectBuffer b = region.buffer();
      if (b.getInt(0, LE) == SEGMENT_MAGIC
          && (isTorn(b) || b.getLong(16, LE) == 1 || b.getLong(48, LE) > segmentBytes)) {
        return false;
      }
    }
    return true;
  }

  /** A position behind the end that a later segment says was durable, or 0. */
  private long lostLsn(long endLsn) {
    long lost = 0;
    for (Region region : pool.regions()) {
      MutableDirectBuffer b = region.buffer();
      if (b.getInt(0, LE) == SEGMENT_MAGIC
          && !isTorn(b)
          && b.getLong(16, LE) > endLsn / segmentBytes
          && b.getLong(48, LE) > endLsn) {
        lost = Math.max(lost, b.getLong(48, LE));
      }
    }
    return lost;
  }

  private void scan(long from, Consumer<JournalRecord> visitor) {
    long at = offset(from) == 0 ? from + SEGMENT_HEADER_BYTES : from;
    long lifeMin = 0;
    while (true) {
      endReason = record.problem(segment(at), offset(at), segmentBytes, at, lifeMin);
      if (endReason != null) {
        headLsn = at;
        return;
      }
      record.requireKnownVersion();
      lifeMin = record.life();
      recoveredRecords++;
      if (record.kind() == JournalRecord.SEAL) {
        long next = (at / segmentBytes + 1) * segmentBytes;
        endReason = enter(next / segmentBytes);
        if (endReason != null) {
          requireFree(next / segmentBytes);
          beginSegment(next / segmentBytes);
          headLsn = next + SEGMENT_HEADER_BYTES;
          return;
        }
        at = next + SEGMENT_HEADER_BYTES;
      } else {
        int bytes = record.recordBytes();
        visitor.accept(record);
        at += bytes;
      }
    }
  }

  private void beginSegment(long serial) {
    MutableDirectBuffer b = pool.begin(serial, tailLsn / segmentBytes).buffer();
    b.setMemory(0, SEGMENT_HEADER_BYTES, (byte) 0);
    b.putInt(0, SEGMENT_MAGIC, LE);
    b.putShort(4, SEGMENT_VERSION, LE);
    b.putInt(12, segmentBytes, LE);
    b.putLong(16, serial, LE);
    b.putLong(24, identity.clusterId(), LE);
    b.putLong(32, identity.nodeId(), LE);
    b.putInt(40, identity.shard(), LE);
    b.putLong(48, durableLsn, LE);
    b.putInt(8, crc.of(b, 0, SEGMENT_HEADER_BYTES), LE);
  }

  /** Takes the checksum of a copy: a kill must never find the header half changed. */
  private boolean isTorn(MutableDirectBuffer b) {
    scratch.putBytes(0, b, 0, SEGMENT_HEADER_BYTES);
    int stated = scratch.getInt(8, LE);
    scratch.putInt(8, 0, LE);
    return crc.of(scratch, 0, SEGMENT_HEADER_BYTES) != stated;
  }

  /** Which segment of the log each region holds, by its header. */
  private void readClaims() {
    for (int i = 0; i < pool.count(); i++) {
      MutableDirectBuffer b = pool.region(i).buffer();
      if (headerProblem(b) == null) {
        requireOurs(b);
        pool.claims(i, b.getLong(16, LE));
      }
    }
  }

  /** The log goes on in that segment; if it is there, else why not. */
  private String enter(long serial) {
    int number = pool.claimant(serial);
    if (number >= 0) {
      pool.adopt(number);
      return null;
    }
    // For people: what lies where it would be in a journal that always had this size.
    String problem = headerProblem(pool.region((int) (serial % pool.count())).buffer());
    return problem == null ? "of an earlier turn" : problem;
  }

  private String headerProblem(MutableDirectBuffer b) {
    if (b.getInt(0, LE) != SEGMENT_MAGIC) {
      return "no segment";
    }
    return isTorn(b) ? "checksum of the segment's header" : null;
  }

  private void requireOurs(MutableDirectBuffer b) {
    if (b.getShort(4, LE) != SEGMENT_VERSION || b.getInt(12, LE) != segmentBytes) {
      throw new IllegalStateException(
          "journal segment of version "
              + b.getShort(4, LE)
              + " with "
              + b.getInt(12, LE)
              + " bytes; expected version "
              + SEGMENT_VERSION
              + " with "
              + segmentBytes
              + ": the segment size cannot be changed");
    }
    if (b.getLong(24, LE) != identity.clusterId()
        || b.getLong(32, LE) != identity.nodeId()
        || b.getInt(40, LE) != identity.shard()) {
      throw new IllegalStateException(
          "journal of cluster "
              + Long.toHexString(b.getLong(24, LE))
              + " node "
              + b.getLong(32, LE)
              + " shard "
              + b.getInt(40, LE)
              + "; expected "
              + identity);
    }
  }

  /** Largest record that fits at all. */
  int recordBytesMax() {
    return segmentBytes - SEGMENT_HEADER_BYTES - JournalRecord.HEADER_BYTES;
  }

  /** Whether a record of that size fits now. */
  boolean hasRoom(int recordBytes) {
    return fitsHere(recordBytes) || hasNextSegment();
  }

  /** One segment stays free: the next life's first record must fit whatever happened before. */
  private boolean hasNextSegment() {
    return headLsn / segmentBytes + 2 - tailLsn / segmentBytes < pool.count();
  }

  private boolean fitsHere(int recordBytes) {
    return segmentBytes - offset(headLsn) >= recordBytes + JournalRecord.HEADER_BYTES;
  }

  /** Makes place for a record and returns its position; the caller fills it and commits it. */
  private long place(int recordBytes) {
    if (recordBytes > recordBytesMax()) {
      throw new IllegalStateException(
          "a record of " + recordBytes + " bytes; at most " + recordBytesMax() + " fit");
    }
    if (!fitsHere(recordBytes)) {
      nextSegment();
    }
    return headLsn;
  }

  private void nextSegment() {
    long serial = headLsn / segmentBytes + 1;
    requireFree(serial);
    MutableDirectBuffer b = segment(headLsn);
    int o = offset(headLsn);
    JournalRecord.header(b, o, JournalRecord.SEAL, 0, JournalRecord.HEADER_BYTES, headLsn, life);
    JournalRecord.subject(b, o, 0, 0, 0, 0, 0, 0);
    record.seal(b, o);
    beginSegment(serial);
    headLsn = serial * segmentBytes + SEGMENT_HEADER_BYTES;
  }

  private void requireFree(long serial) {
    if (serial - tailLsn / segmentBytes >= pool.count()) {
      throw new IllegalStateException(
          "segment "
              + serial
              + " would overwrite the tail at "
              + tailLsn
              + ": the journal is full");
    }
  }

  /**
   * Begins a new segment, so that what was appended so far can be destaged once it is durable;
   * false when there is none free.
   *
   * <p>The new segment gets a record at once: where a checkpoint begins, the first record is
   * durable, and never one that an earlier life left there.
   */
  boolean roll() {
    if (!hasNextSegment()) {
      return false;
    }
    nextSegment();
    appendBare(JournalRecord.LIFE, 0, 0, 0, 0, life, 0, 0);
    return true;
  }

  /** Appends a record without payload. */
  JournalRecord appendBare(
      byte kind,
      int flags,
      long volumeId,
      int layer,
      int index,
      long argument,
      int blockOffset,
      int blockCount) {
    long lsn = place(JournalRecord.HEADER_BYTES);
    MutableDirectBuffer b = segment(lsn);
    int o = offset(lsn);
    JournalRecord.header(b, o, kind, flags, JournalRecord.HEADER_BYTES, lsn, life);
    JournalRecord.subject(b, o, volumeId, layer, index, argument, blockOffset, blockCount);
    record.seal(b, o);
    headLsn = lsn + JournalRecord.HEADER_BYTES;
    return record.wrap(b, o);
  }

  /**
   * Appends a record with blocks; versions only for a fill.
   *
   * @return null when the blocks of a write are not those of its checksums. They are looked at
   *     where they were copied to: a payload in a peer's memory may change until then.
   */
  JournalRecord appendBlocks(
      byte kind,
      IndexedChunk chunk,
      long argument,
      int blockOffset,
      int blockCount,
      DirectBuffer crcs,
      int crcOffset,
      DirectBuffer versions,
      int versionsOffset,
      DirectBuffer payload,
      int payloadOffset) {
    int bytes = JournalRecord.bytes(kind, blockCount);
    int dataOffset = JournalRecord.payloadOffset(kind, blockCount);
    if (inMemory && blockCount >= ALIGNED_BLOCKS_MIN) {
      align(bytes, dataOffset);
    }
    long lsn = place(bytes);
    MutableDirectBuffer b = segment(lsn);
    int o = offset(lsn);
    JournalRecord.header(b, o, kind, 0, bytes, lsn, life);
    JournalRecord.subject(
        b, o, chunk.volumeId(), chunk.layer(), chunk.index(), argument, blockOffset, blockCount);
    record.table(b, o, kind, blockCount, crcs, crcOffset, versions, versionsOffset);
    b.putBytes(o + dataOffset, payload, payloadOffset, bytes - dataOffset);
    if (kind == JournalRecord.WRITE && !crc.holds(b, o + dataOffset, blockCount, crcs, crcOffset)) {
      return null;
    }
    record.seal(b, o);
    headLsn = lsn + bytes;
    return record.wrap(b, o);
  }

  /**
   * Fills up with records that say nothing, so that the blocks of the next one begin with a page,
   * and are destaged without a copy. Not where there is no room for that.
   */
  private void align(int recordBytes, int payloadOffset) {
    if (!fitsHere(recordBytes)) {
      if (!hasNextSegment()) {
        return;
      }
      nextSegment();
    }
    int gap = -(offset(headLsn) + payloadOffset) & Frame.BLOCK_BYTES - 1;
    if (fitsHere(recordBytes + gap)) {
      for (; gap > 0; gap -= JournalRecord.HEADER_BYTES) {
        appendBare(JournalRecord.LIFE, 0, 0, 0, 0, life, 0, 0);
      }
    }
  }

  /**
   * Feeds the records between two positions to a visitor; for the destager, on its own thread. They
   * were whole when they were appended or recovered: what is not any more has rotted. A rotten
   * block does not stop the others: it moves on with the checksum that it fails, and is repaired
   * from another replica when it is read.
   */
  void forEach(long fromLsn, long toLsn, JournalRecord cursor, Consumer<JournalRecord> visitor) {
    long at = fromLsn;
    while (at < toLsn) {
      if (offset(at) == 0) {
        at += SEGMENT_HEADER_BYTES;
        continue;
      }
      String problem = cursor.headProblem(segment(at), offset(at), segmentBytes, at, 0);
      if (problem != null) {
        throw new IllegalStateException(
            "the journal record at "
                + at
                + " (segment "
                + at / segmentBytes
                + ", byte "
                + offset(at)
                + ") went bad: "
                + problem);
      }
      if (cursor.kind() == JournalRecord.SEAL) {
        at = (at / segmentBytes + 1) * segmentBytes;
      } else {
        int bytes = cursor.recordBytes();
        visitor.accept(cursor);
        at += bytes;
      }
    }
  }

  /** The end of the last segment that is full and durable, or the tail when there is none. */
  long destageableLsn() {
    long limit = Math.min(durableLsn, headLsn) / segmentBytes * segmentBytes;
    return Math.max(limit, tailLsn);
  }

  /** Everything before the position is in the capacity tier: its segments may be written again. */
  void free(long lsn) {
    if (lsn < tailLsn || lsn > durableLsn) {
      throw new IllegalStateException(
          "cannot free up to " + lsn + ": tail " + tailLsn + ", durable " + durableLsn);
    }
    tailLsn = lsn;
  }

  /** Makes everything appended so far durable, after the sync that is under way if there is one. */
  void sync() {
    if (failed || durableLsn >= headLsn) {
      return;
    }
    if (syncing) {
      syncAgain = true;
      return;
    }
    syncing = true;
    forceNext(durableLsn / segmentBytes, headLsn);
  }

  boolean isSyncing() {
    return syncing;
  }

  /** Segments are forced in the order of the log. */
  private void forceNext(long serial, long targetLsn) {
    long start = serial * segmentBytes;
    int from = (int) Math.max(0, durableLsn - start);
    int to = (int) Math.min(segmentBytes, targetLsn - start);
    forcedSerial = serial;
    forcedTargetLsn = targetLsn;
    try {
      pool.of(serial).force(from, to - from, whenForced);
    } catch (RuntimeException e) {
      // Nothing may wait for a sync that was never begun.
      forced(e);
    }
  }

  private void forced(Throwable failure) {
    long serial = forcedSerial;
    long targetLsn = forcedTargetLsn;
    if (failed) {
      return;
    }
    if (failure != null) {
      failed = true;
      syncing = false;
      listener.onFailed(failure);
      return;
    }
    if ((serial + 1) * segmentBytes < targetLsn) {
      forceNext(serial + 1, targetLsn);
      return;
    }
    durableLsn = Math.max(durableLsn, targetLsn);
    syncing = false;
    boolean again = syncAgain;
    syncAgain = false;
    listener.onDurable(durableLsn);
    if (again) {
      sync();
    }
  }

  void close() {
    boolean forced = !failed && durableLsn == headLsn;
    pool.regions().forEach(region -> region.close(forced));
  }
}
