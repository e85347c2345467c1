package io.cairn.storage.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.env.Region;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Version;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The journal's bytes are those of FORMAT.md, and stay so: old journals must be readable. */
class JournalFormatTest {
  private static final int SEGMENT_BYTES = 96 << 10;
  private static final IndexedChunk CHUNK =
      new IndexedChunk(new ChunkId(0x0102030405060708L, 0x11, 0x12131415), 1024);

  private final Crc32c crc = new Crc32c();
  private List<Region> ring;
  private Journal journal;

  @BeforeEach
  void open() {
    Random random = new Random(1);
    ring = List.copyOf(new TestDisk(new TestLoop(random), random, SEGMENT_BYTES, 4).regions);
    journal = new Journal(new JournalIdentity(0xC1C2C3C4C5C6C7C8L, 0x21, 3), ring);
    journal.recover(0, 9, record -> {});
  }

  /** Hexadecimal, a line per 16 bytes. */
  private static String hex(DirectBuffer b, int offset, int length) {
    StringBuilder text = new StringBuilder();
    byte[] line = new byte[16];
    for (int i = 0; i < length; i += 16) {
      b.getBytes(offset + i, line);
      text.append(HexFormat.ofDelimiter(" ").formatHex(line)).append('\n');
    }
    return text.toString();
  }

  private String bare(byte kind, int flags, long argument, int blockOffset, int blockCount) {
    long lsn = journal.headLsn();
    journal.appendBare(
        kind,
        flags,
        CHUNK.volumeId(),
        CHUNK.layer(),
        CHUNK.index(),
        argument,
        blockOffset,
        blockCount);
    assertEquals(lsn + 64, journal.headLsn());
    return hex(journal.segment(lsn), journal.offset(lsn), 64);
  }

  private String blocks(byte kind, int count, int headBytes) {
    long lsn = journal.headLsn();
    UnsafeBuffer payload = new UnsafeBuffer(new byte[count * Frame.BLOCK_BYTES]);
    UnsafeBuffer sums = new UnsafeBuffer(new byte[4 * count]);
    UnsafeBuffer versions = new UnsafeBuffer(new byte[8 * count]);
    for (int i = 0; i < count; i++) {
      payload.setMemory(i * Frame.BLOCK_BYTES, Frame.BLOCK_BYTES, (byte) (0xB0 + i));
      int sum = crc.of(payload, i * Frame.BLOCK_BYTES, Frame.BLOCK_BYTES);
      sums.putInt(4 * i, sum, ByteOrder.LITTLE_ENDIAN);
      versions.putLong(8 * i, Version.of(6, 0x31 + i), ByteOrder.LITTLE_ENDIAN);
    }
    journal.appendBlocks(
        kind, CHUNK, Version.of(7, 0x2233), 5, count, sums, 0, versions, 0, payload, 0);
    assertEquals(lsn + headBytes + (long) count * Frame.BLOCK_BYTES, journal.headLsn());
    DirectBuffer segment = journal.segment(lsn);
    for (int i = 0; i < count * Frame.BLOCK_BYTES; i++) {
      assertEquals(payload.getByte(i), segment.getByte(journal.offset(lsn) + headBytes + i));
    }
    return hex(segment, journal.offset(lsn), headBytes);
  }

  @Test
  void segmentHeader() {
    assertEquals(
        """
        43 52 4e 53 01 00 00 00 50 73 c3 72 00 80 01 00
        01 00 00 00 00 00 00 00 c8 c7 c6 c5 c4 c3 c2 c1
        21 00 00 00 00 00 00 00 03 00 00 00 00 00 00 00
        00 80 01 00 00 00 00 00 00 00 00 00 00 00 00 00
        """,
        hex(ring.get(1).buffer(), 0, Journal.SEGMENT_HEADER_BYTES));
  }

  @Test
  void life() {
    assertEquals(
        """
        43 52 4e 4a 40 00 00 00 09 01 00 00 fb 59 22 f7
        40 80 01 00 00 00 00 00 09 00 00 00 00 00 00 00
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        09 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        """,
        hex(ring.get(1).buffer(), Journal.SEGMENT_HEADER_BYTES, 64));
  }

  @Test
  void fence() {
    assertEquals(
        """
        43 52 4e 4a 40 00 00 00 01 01 00 00 25 ac ec 07
        80 80 01 00 00 00 00 00 09 00 00 00 00 00 00 00
        08 07 06 05 04 03 02 01 11 00 00 00 15 14 13 12
        07 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        """,
        bare(JournalRecord.FENCE, 0, 7, 0, 0));
  }

  @Test
  void create() {
    assertEquals(
        """
        43 52 4e 4a 40 00 00 00 02 01 00 00 15 b5 c3 d0
        80 80 01 00 00 00 00 00 09 00 00 00 00 00 00 00
        08 07 06 05 04 03 02 01 11 00 00 00 15 14 13 12
        00 00 00 00 00 00 00 00 00 04 00 00 00 00 00 00
        """,
        bare(JournalRecord.CREATE, 0, 0, 1024, 0));
  }

  @Test
  void write() {
    assertEquals(
        """
        43 52 4e 4a 80 30 00 00 03 01 00 00 05 cd cd ed
        80 80 01 00 00 00 00 00 09 00 00 00 00 00 00 00
        08 07 06 05 04 03 02 01 11 00 00 00 15 14 13 12
        33 22 00 00 00 07 00 00 05 00 00 00 03 00 00 00
        00 4c 86 3c 00 00 00 00 33 9c b4 a6 c5 b6 55 7c
        2e bf 9a 16 00 00 00 00 00 00 00 00 00 00 00 00
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        """,
        blocks(JournalRecord.WRITE, 3, 128));
  }

  @Test
  void zero() {
    assertEquals(
        """
        43 52 4e 4a 40 00 00 00 04 01 01 00 7a 87 86 63
        80 80 01 00 00 00 00 00 09 00 00 00 00 00 00 00
        08 07 06 05 04 03 02 01 11 00 00 00 15 14 13 12
        33 22 00 00 00 07 00 00 05 00 00 00 01 00 02 00
        """,
        bare(
            JournalRecord.ZERO, JournalRecord.FLAG_ALLOCATE, Version.of(7, 0x2233), 5, 0x00020001));
  }

  @Test
  void fill() {
    assertEquals(
        """
        43 52 4e 4a c0 50 00 00 05 01 00 00 02 1c 17 d6
        80 80 01 00 00 00 00 00 09 00 00 00 00 00 00 00
        08 07 06 05 04 03 02 01 11 00 00 00 15 14 13 12
        33 22 00 00 00 07 00 00 05 00 00 00 05 00 00 00
        08 cd 0a 02 00 00 00 00 33 9c b4 a6 c5 b6 55 7c
        2e bf 9a 16 d8 95 7b cc f8 ac 04 c3 00 00 00 00
        31 00 00 00 00 06 00 00 32 00 00 00 00 06 00 00
        33 00 00 00 00 06 00 00 34 00 00 00 00 06 00 00
        35 00 00 00 00 06 00 00 00 00 00 00 00 00 00 00
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        """,
        blocks(JournalRecord.FILL, 5, 192));
  }

  @Test
  void syncBegin() {
    assertEquals(
        """
        43 52 4e 4a 40 00 00 00 06 01 00 00 14 9d 08 80
        80 80 01 00 00 00 00 00 09 00 00 00 00 00 00 00
        08 07 06 05 04 03 02 01 11 00 00 00 15 14 13 12
        33 22 00 00 00 07 00 00 08 00 00 00 00 00 00 00
        """,
        bare(JournalRecord.SYNC_BEGIN, 0, Version.of(7, 0x2233), 8, 0));
  }

  @Test
  void syncEnd() {
    assertEquals(
        """
        43 52 4e 4a 40 00 00 00 07 01 00 00 3e 37 9a 99
        80 80 01 00 00 00 00 00 09 00 00 00 00 00 00 00
        08 07 06 05 04 03 02 01 11 00 00 00 15 14 13 12
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        """,
        bare(JournalRecord.SYNC_END, 0, 0, 0, 0));
  }

  @Test
  void trash() {
    assertEquals(
        """
        43 52 4e 4a 40 00 00 00 08 01 00 00 c1 89 bd a9
        80 80 01 00 00 00 00 00 09 00 00 00 00 00 00 00
        08 07 06 05 04 03 02 01 11 00 00 00 15 14 13 12
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        """,
        bare(JournalRecord.TRASH, 0, 0, 0, 0));
  }

  @Test
  void trashChunk() {
    assertEquals(
        """
        43 52 4e 4a 40 00 00 00 0b 01 00 00 38 99 8e 0e
        80 80 01 00 00 00 00 00 09 00 00 00 00 00 00 00
        08 07 06 05 04 03 02 01 11 00 00 00 15 14 13 12
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        """,
        bare(JournalRecord.TRASH_CHUNK, 0, 0, 0, 0));
  }

  @Test
  void unreadable() {
    assertEquals(
        """
        43 52 4e 4a 40 00 00 00 0c 01 00 00 39 35 c9 ab
        80 80 01 00 00 00 00 00 09 00 00 00 00 00 00 00
        08 07 06 05 04 03 02 01 11 00 00 00 15 14 13 12
        33 22 00 00 00 07 00 00 05 00 00 00 01 00 00 00
        """,
        bare(JournalRecord.UNREADABLE, 0, Version.of(7, 0x2233), 5, 1));
  }

  @Test
  void seal() {
    long lsn = journal.headLsn();
    journal.roll();
    assertEquals(
        """
        43 52 4e 4a 40 00 00 00 0a 01 00 00 a2 69 be 1f
        80 80 01 00 00 00 00 00 09 00 00 00 00 00 00 00
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        """,
        hex(journal.segment(lsn), journal.offset(lsn), 64));
  }

  @Test
  void page() {
    Page page = new Page();
    page.put(0, Version.of(7, 0x2233), 0x0A0B0C0D, Page.TIER);
    page.put(1, Version.of(7, 0x2234), Crc32c.ZERO_BLOCK, Page.ALLOCATED);
    page.put(255, Version.of(6, 1), 0x01020304, Page.TIER);
    byte[] bytes = new byte[Page.STORED_BYTES];
    page.encode(bytes);
    assertEquals(4104, bytes.length);
    UnsafeBuffer b = new UnsafeBuffer(bytes);
    assertEquals(
        """
        01 00 00 00 00 00 00 00 33 22 00 00 00 07 00 00
        0d 0c 0b 0a 01 00 00 00 34 22 00 00 00 07 00 00
        89 41 f9 98 02 00 00 00 00 00 00 00 00 00 00 00
        89 41 f9 98 00 00 00 00 00 00 00 00 00 00 00 00
        """,
        hex(b, 0, 64));
    assertEquals(
        """
        01 00 00 00 00 06 00 00 04 03 02 01 01 00 00 00
        """,
        hex(b, bytes.length - 16, 16));
    Page again = new Page();
    again.decode(bytes, bytes.length);
    assertEquals(page.versions[1], again.versions[1]);
    assertEquals(Page.ALLOCATED, again.places[1]);
    assertEquals(Page.HOLE, again.places[2]);
    assertEquals(Page.TIER, again.places[255]);
  }
}
