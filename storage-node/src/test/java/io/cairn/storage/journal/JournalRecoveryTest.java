package io.cairn.storage.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.env.Region;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Version;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A journal that was cut or damaged at any place is recovered to the records before that place. */
class JournalRecoveryTest {
  private static final int SEGMENT_BYTES = 40 << 10;
  private static final int SEGMENTS = 5;
  private static final JournalIdentity IDENTITY = new JournalIdentity(0xC1, 2, 3);
  private static final IndexedChunk CHUNK = new IndexedChunk(new ChunkId(5, 0, 7), 64);

  private record Seen(long lsn, byte kind, int bytes) {
    long end() {
      return lsn + bytes;
    }
  }

  private final Crc32c crc = new Crc32c();
  private final Random random = new Random(4);
  private final List<Seen> written = new ArrayList<>();
  private List<Region> ring = newRing();
  private Journal journal;

  private static List<Region> newRing() {
    Random random = new Random(1);
    return List.copyOf(new TestDisk(new TestLoop(random), random, SEGMENT_BYTES, SEGMENTS).regions);
  }

  @BeforeEach
  void writeOneRecordOfEachKindAndMore() {
    journal = new Journal(IDENTITY, ring);
    journal.recover(0, 1, record -> {});
    written.add(new Seen(SEGMENT_BYTES + Journal.SEGMENT_HEADER_BYTES, JournalRecord.LIFE, 64));
    bare(JournalRecord.FENCE, 4, 0, 0);
    bare(JournalRecord.CREATE, 0, 64, 0);
    blocks(JournalRecord.WRITE, 1);
    blocks(JournalRecord.WRITE, 3);
    bare(JournalRecord.ZERO, Version.of(4, 9), 0, 64);
    bare(JournalRecord.SYNC_BEGIN, Version.of(4, 9), 4, 0);
    blocks(JournalRecord.FILL, 2);
    bare(JournalRecord.SYNC_END, 0, 0, 0);
    blocks(JournalRecord.WRITE, 4);
    blocks(JournalRecord.FILL, 5);
    bare(JournalRecord.TRASH, 0, 0, 0);
    assertTrue(journal.headLsn() > 2L * SEGMENT_BYTES, "the log goes over a segment's end");
  }

  private void bare(byte kind, long argument, int blockOffset, int blockCount) {
    add(journal.appendBare(kind, 0, 5, 0, 7, argument, blockOffset, blockCount));
  }

  private void blocks(byte kind, int count) {
    UnsafeBuffer payload = new UnsafeBuffer(new byte[count * Frame.BLOCK_BYTES]);
    random.nextBytes(payload.byteArray());
    UnsafeBuffer sums = new UnsafeBuffer(new byte[4 * count]);
    UnsafeBuffer versions = new UnsafeBuffer(new byte[8 * count]);
    for (int i = 0; i < count; i++) {
      int sum = crc.of(payload, i * Frame.BLOCK_BYTES, Frame.BLOCK_BYTES);
      sums.putInt(4 * i, sum, ByteOrder.LITTLE_ENDIAN);
      versions.putLong(8 * i, Version.of(4, 1 + i), ByteOrder.LITTLE_ENDIAN);
    }
    add(
        journal.appendBlocks(
            kind, CHUNK, Version.of(4, 1), 3, count, sums, 0, versions, 0, payload, 0));
  }

  private void add(JournalRecord record) {
    written.add(new Seen(record.lsn(), record.kind(), record.recordBytes()));
  }

  private List<Region> copyOfRing() {
    List<Region> copy = newRing();
    for (int i = 0; i < SEGMENTS; i++) {
      copy.get(i).buffer().putBytes(0, ring.get(i).buffer(), 0, SEGMENT_BYTES);
    }
    return copy;
  }

  private static MutableDirectBuffer segment(List<Region> of, long lsn) {
    return of.get((int) (lsn / SEGMENT_BYTES % SEGMENTS)).buffer();
  }

  private static int offset(long lsn) {
    return (int) (lsn % SEGMENT_BYTES);
  }

  private static List<Seen> recover(List<Region> of, long life) {
    List<Seen> seen = new ArrayList<>();
    new Journal(IDENTITY, of)
        .recover(0, life, r -> seen.add(new Seen(r.lsn(), r.kind(), r.recordBytes())));
    return seen;
  }

  private List<Seen> before(long lsn) {
    return written.stream().filter(seen -> seen.end() <= lsn).toList();
  }

  /** What is recovered is what is expected, and what the next life appends follows it. */
  private static void check(List<Region> of, List<Seen> expected, String what) {
    assertEquals(expected, recover(of, 2), what);
    List<Seen> again = recover(of, 3);
    assertEquals(expected, again.subList(0, expected.size()), what);
    assertEquals(expected.size() + 1, again.size(), what + ", and its life");
    assertEquals(JournalRecord.LIFE, again.getLast().kind(), what);
  }

  @Test
  void aLogCutAtAnyPlaceIsRecoveredToThere() {
    byte[] rest = new byte[SEGMENT_BYTES];
    for (int fill : new int[] {0, 0xFF, 0x43}) {
      java.util.Arrays.fill(rest, (byte) fill);
      long first = written.getFirst().lsn();
      for (long cut = first; cut <= journal.headLsn(); cut += JournalRecord.ALIGNMENT) {
        List<Region> of = copyOfRing();
        segment(of, cut).putBytes(offset(cut), rest, 0, SEGMENT_BYTES - offset(cut));
        for (long next = cut / SEGMENT_BYTES + 1; next < SEGMENTS; next++) {
          segment(of, next * SEGMENT_BYTES).putBytes(0, rest);
        }
        check(of, before(cut), "cut at " + cut + ", then bytes of " + fill);
      }
    }
  }

  @Test
  void aDamagedByteEndsTheLogAtItsRecord() {
    for (Seen seen : written) {
      int head = Math.min(seen.bytes(), 256);
      for (int at = 0; at < seen.bytes(); at += at < head ? 1 : 509) {
        if (isPadding(seen, at)) {
          continue;
        }
        List<Region> of = copyOfRing();
        MutableDirectBuffer b = segment(of, seen.lsn());
        int where = offset(seen.lsn()) + at;
        b.putByte(where, (byte) (b.getByte(where) ^ 1 << random.nextInt(8)));
        check(of, before(seen.lsn()), seen + " damaged at byte " + at);
      }
    }
  }

  /** The four bytes between a table's checksum and the table are no part of anything. */
  private static boolean isPadding(Seen seen, int at) {
    return seen.bytes() > JournalRecord.HEADER_BYTES && at >= 68 && at < 72;
  }

  @Test
  void aTornSectorEndsTheLogAtItsRecord() {
    for (Seen seen : written) {
      for (long at = seen.lsn() / 512 * 512; at < seen.end(); at += 512) {
        long from = Math.max(at, seen.lsn());
        if (from < seen.lsn() + 64 && from > seen.lsn()) {
          continue;
        }
        List<Region> of = copyOfRing();
        int length = (int) (Math.min(at + 512, seen.end()) - from);
        segment(of, from).setMemory(offset(from), length, (byte) 0);
        check(of, before(seen.lsn()), seen + " lost the sector at " + at);
      }
    }
  }

  @Test
  void recordsOfALostTailNeverComeBack() {
    Seen create = written.get(2);
    segment(ring, create.lsn()).putByte(offset(create.lsn()) + 40, (byte) 0x5A);
    List<Seen> expected = new ArrayList<>(before(create.lsn()));
    // The second life's first record ends exactly where a whole one of the first life stands.
    assertEquals(expected, recover(ring, 2));
    expected.add(new Seen(create.lsn(), JournalRecord.LIFE, 64));
    assertEquals(expected, recover(ring, 3));
  }

  @Test
  void aLossOfPowerIsNoDamage() {
    Journal.Recovered whole = new Journal(IDENTITY, copyOfRing()).recover(0, 2, record -> {});
    assertEquals(0, whole.lostLsn());
    assertEquals("no record", whole.endReason());
    assertEquals(journal.headLsn(), whole.endLsn());

    List<Region> powerLoss = copyOfRing();
    Seen second = written.get(2);
    segment(powerLoss, second.lsn()).setMemory(offset(second.lsn()), 64, (byte) 0);
    assertEquals(0, new Journal(IDENTITY, powerLoss).recover(0, 2, r -> {}).lostLsn());
  }

  @Test
  void damageOfWhatWasDurableIsToldFromALossOfPower() {
    Random seed = new Random(1);
    TestLoop loop = new TestLoop(seed);
    TestDisk disk = new TestDisk(loop, seed, SEGMENT_BYTES, SEGMENTS);
    ring = List.copyOf(disk.regions);
    journal = new Journal(IDENTITY, ring);
    journal.recover(0, 1, record -> {});
    written.clear();
    bare(JournalRecord.FENCE, 4, 0, 0);
    bare(JournalRecord.CREATE, 0, 64, 0);
    journal.sync();
    loop.settle();
    assertEquals(journal.headLsn(), journal.durableLsn());
    long durable = journal.durableLsn();
    assertTrue(journal.roll());
    Seen fence = written.getFirst();
    segment(ring, fence.lsn()).putByte(offset(fence.lsn()) + 20, (byte) 77);
    Journal.Recovered found = new Journal(IDENTITY, ring).recover(0, 2, record -> {});
    assertEquals(fence.lsn(), found.endLsn());
    assertEquals("header checksum", found.endReason());
    assertEquals(durable, found.lostLsn());
  }

  @Test
  void aFirstSegmentThatNeverReachedTheDeviceIsNoDamage() {
    segment(ring, SEGMENT_BYTES).setMemory(0, SEGMENT_BYTES, (byte) 0);
    assertEquals(List.of(), recover(ring, 2));
  }

  @Test
  void aFirstSegmentThatWasLostIsRefused() {
    Random seed = new Random(1);
    TestLoop loop = new TestLoop(seed);
    ring = List.copyOf(new TestDisk(loop, seed, SEGMENT_BYTES, SEGMENTS).regions);
    journal = new Journal(IDENTITY, ring);
    journal.recover(0, 1, record -> {});
    journal.sync();
    loop.settle();
    assertTrue(journal.roll());
    segment(ring, SEGMENT_BYTES).setMemory(0, SEGMENT_BYTES, (byte) 0);
    String reason = assertThrows(IllegalStateException.class, () -> recover(ring, 2)).getMessage();
    assertTrue(reason.contains("lacks the segment"), reason);
  }

  @Test
  void aRecordOfANewerVersionIsNoEndOfTheLog() {
    Seen fence = written.get(1);
    MutableDirectBuffer b = segment(ring, fence.lsn());
    b.putByte(offset(fence.lsn()) + 9, (byte) 2);
    new JournalRecord().seal(b, offset(fence.lsn()));
    String reason = assertThrows(IllegalStateException.class, () -> recover(ring, 2)).getMessage();
    assertTrue(reason.contains("has version 2"), reason);
  }

  @Test
  void anotherShardsJournalIsRefused() {
    Journal other = new Journal(new JournalIdentity(0xC1, 2, 4), ring);
    String reason =
        assertThrows(IllegalStateException.class, () -> other.recover(0, 2, record -> {}))
            .getMessage();
    assertTrue(reason.contains("shard 3"), reason);
  }

  @Test
  void lookingAtAHeaderNeverChangesIt() {
    // A kill at any moment of a recovery must leave a journal that can be recovered.
    List<Region> guarded = new ArrayList<>();
    for (Region region : ring) {
      guarded.add(new ReadOnlyHeader(region));
    }
    List<Seen> seen = new ArrayList<>();
    new Journal(IDENTITY, guarded)
        .recover(0, 2, r -> seen.add(new Seen(r.lsn(), r.kind(), r.recordBytes())));
    assertEquals(written, seen);
  }

  @Test
  void blocksOfLargeRecordsBeginWithAPageWhereverThereIsRoom() {
    int segmentBytes = 1 << 20;
    TestDisk disk = new TestDisk(new TestLoop(random), random, segmentBytes, 8);
    journal = new Journal(IDENTITY, List.copyOf(disk.regions));
    journal.recover(0, 1, record -> {});
    int large = 0;
    written.clear();
    for (int i = 0; i < 60; i++) {
      int count = random.nextBoolean() ? 1 + random.nextInt(40) : 1;
      if (!journal.hasRoom(JournalRecord.bytes(JournalRecord.WRITE, count))) {
        break;
      }
      blocks(JournalRecord.WRITE, count);
      Seen last = written.getLast();
      long payload = last.lsn() + JournalRecord.payloadOffset(JournalRecord.WRITE, count);
      boolean isLast = last.end() % segmentBytes > segmentBytes - 2 * Frame.BLOCK_BYTES;
      if (count >= Journal.ALIGNED_BLOCKS_MIN && !isLast) {
        assertEquals(0, payload % Frame.BLOCK_BYTES, count + " blocks at " + payload);
        large++;
      }
    }
    assertTrue(large > 10, large + " large records");
    List<Seen> seen = recover(List.copyOf(disk.regions), 2);
    seen.removeIf(record -> record.kind() == JournalRecord.LIFE);
    assertEquals(written, seen);
  }

  private record ReadOnlyHeader(Region region) implements Region {
    @Override
    public MutableDirectBuffer buffer() {
      return new UnsafeBuffer(((UnsafeBuffer) region.buffer()).byteArray()) {
        @Override
        public void putInt(int index, int value, ByteOrder order) {
          assertTrue(index >= Journal.SEGMENT_HEADER_BYTES, "the header is written");
          super.putInt(index, value, order);
        }
      };
    }

    @Override
    public int sizeBytes() {
      return region.sizeBytes();
    }

    @Override
    public void force(int at, int length, java.util.function.Consumer<Throwable> onDone) {}

    @Override
    public void close(boolean forced) {}
  }
}
