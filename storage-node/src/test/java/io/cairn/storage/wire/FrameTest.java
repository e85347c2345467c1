package io.cairn.storage.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.model.Shards;
import java.util.HexFormat;
import java.util.Random;
import org.agrona.ExpandableArrayBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

class FrameTest {
  private final UnsafeBuffer buffer = new UnsafeBuffer(new byte[Frame.HEADER_BYTES_MAX]);
  private final Crc32c crc = new Crc32c();
  private final Request request = new Request(0x1122334455667788L);

  @Test
  void goldenBytesOfAWriteStay() {
    Request.putCrc(buffer, 0, 0, 0xAABBCCDD);
    int length =
        request.write(buffer, 0, Frame.FLAG_DURABLE, 7, 3, 9, 0, 5, 2, Version.of(2, 17), 100, 1);
    assertEquals(96, length);
    assertEquals(
        "43524e3160100000060001016000000007000000000000000000000000000000", hexWithoutCrc(32));
    assertEquals(
        "88776655443322110300000000000000"
            + "09000000000000000000000005000000"
            + "0200000000000000"
            + "1100000000020000"
            + "6400000001000000"
            + "ddccbbaa00000000",
        HexFormat.of().formatHex(buffer.byteArray(), 32, 96));
  }

  @Test
  void goldenBytesOfABareReplyStay() {
    int length =
        new Reply()
            .bare(buffer, 0, MessageType.WRITE, 7, Status.GAP, 4096, 2048, Version.of(1, 2), 9);
    assertEquals(64, length);
    assertEquals(
        "43524e3140000000860001004000000007000000000000000000000003000000", hexWithoutCrc(32));
    assertEquals(
        "0010000000000000000800000000000002000000000100000900000000000000",
        HexFormat.of().formatHex(buffer.byteArray(), 32, 64));
  }

  @Test
  void everyFlippedBitOfAHeaderIsFound() {
    int length = request.create(buffer, 0, 1, 2, 3, 0, 4, 5, 16384);
    assertNull(Frame.prefixProblem(buffer, 0));
    assertTrue(Frame.headerCrcOk(buffer, 0, crc));
    for (int bit = 0; bit < length * 8; bit++) {
      byte old = buffer.getByte(bit / 8);
      buffer.putByte(bit / 8, (byte) (old ^ 1 << bit % 8));
      assertTrue(
          Frame.prefixProblem(buffer, 0) != null || !Frame.headerCrcOk(buffer, 0, crc),
          "bit " + bit);
      buffer.putByte(bit / 8, old);
    }
  }

  @Test
  void garbageIsRefusedBeforeItsLengthIsTrusted() {
    Random random = new Random(1);
    byte[] garbage = new byte[Frame.PREFIX_BYTES];
    for (int i = 0; i < 10_000; i++) {
      random.nextBytes(garbage);
      assertNotNull(Frame.prefixProblem(new UnsafeBuffer(garbage), 0));
    }
  }

  @Test
  void lengthsOutOfBoundsAreNamed() {
    request.bare(buffer, 0, MessageType.OPEN, 1, 2, 3, 0, 0, 1);
    buffer.putInt(4, Frame.FRAME_BYTES_MAX + 1, Frame.ORDER);
    assertTrue(
        Frame.prefixProblem(buffer, 0).contains(Integer.toString(Frame.FRAME_BYTES_MAX + 1)));
    buffer.putInt(12, 33, Frame.ORDER);
    assertTrue(Frame.prefixProblem(buffer, 0).contains("header length 33"));
  }

  @Test
  void theGateNamesValueAndBound() {
    request.range(buffer, 0, MessageType.READ, 0, 1, 2, 3, 0, 0, 1, 0, 257, 0);
    assertEquals("block count 257 is outside 1 to 256", RequestGate.problem(buffer, 0));
    request.range(buffer, 0, MessageType.READ, 0, 1, 2, 3, 0, 0, 1, 0, 256, 0);
    assertNull(RequestGate.problem(buffer, 0));
    assertEquals(
        "blocks 200+57 are outside a chunk of 256 blocks", RequestGate.rangeProblem(200, 57, 256));
    assertNotNull(RequestGate.rangeProblem(Integer.MAX_VALUE, 2, 256));
    assertNotNull(RequestGate.rangeProblem(-1, 2, 256));
    assertNull(RequestGate.rangeProblem(200, 56, 256));
  }

  @Test
  void everyEncoderPassesTheGateAndReadsBack() {
    String longest = "h".repeat(Request.HOST_BYTES_MAX);
    request.catchUp(buffer, 0, 1, 2, 3, 0, 4, 5, 6, 7, 8, 256, longest, 1, 0, 1);
    assertNull(RequestGate.problem(buffer, 0));
    assertEquals(longest, Request.catchUpHost(buffer, 0));
    assertTrue(Request.catchUpLeavesUnreadable(buffer, 0));
    request.catchUp(buffer, 0, 1, 2, 3, 0, 4, 5, 6, 7, 8, 256, longest, 1, 0, 2);
    assertNotNull(RequestGate.problem(buffer, 0), "an option that nobody knows");
    request.catchUp(
        buffer, 0, 1, 2, 3, 0, 4, 5, Version.of(5, 6), 7, 8, 256, "höst", 65535, 200, 0);
    assertNull(RequestGate.problem(buffer, 0));
    assertFalse(Request.catchUpLeavesUnreadable(buffer, 0));
    assertEquals(200, Frame.flags(buffer, 0) & 0xFF);
    assertEquals("höst", Request.catchUpHost(buffer, 0));
    assertEquals(65535, Request.catchUpPort(buffer, 0));
    assertEquals(7, Request.catchUpAttempt(buffer, 0));
    request.hello(buffer, 0, 1, 2, 3, 4, 5, Request.ROLE_GATEWAY);
    assertNull(RequestGate.problem(buffer, 0));
    assertEquals(5, Request.helloShard(buffer, 0));
    request.zero(buffer, 0, 0, 1, 2, 3, 0, 4, 5, Version.of(5, 1), 6, 7);
    assertNull(RequestGate.problem(buffer, 0));
    request.sync(buffer, 0, 1, 2, 99);
    assertNull(RequestGate.problem(buffer, 0));
    assertEquals(99, Request.syncLsn(buffer, 0));
    request.range(buffer, 0, MessageType.VERSIONS, 0, 1, 2, 3, 0, 4, 5, 0, 1024, 77);
    assertNull(RequestGate.problem(buffer, 0));
    assertEquals(77, Request.versionsMinLast(buffer, 0));
  }

  @Test
  void checksumsAgreeOverHeapDirectAndRawMemory() {
    byte[] bytes = new byte[8192];
    new Random(3).nextBytes(bytes);
    java.nio.ByteBuffer direct = java.nio.ByteBuffer.allocateDirect(8192).put(bytes);
    int expected = crc.of(new UnsafeBuffer(bytes), 100, 4096);
    UnsafeBuffer offHeap = new UnsafeBuffer(direct, 50, 8000);
    assertEquals(expected, crc.of(offHeap, 50, 4096));
    assertEquals(expected, crc.of(new UnsafeBuffer(offHeap.addressOffset(), 8000), 50, 4096));
    ExpandableArrayBuffer expandable = new ExpandableArrayBuffer(16);
    expandable.putBytes(8, bytes);
    assertEquals(expected, crc.of(expandable, 108, 4096));
  }

  @Test
  void versionsCompareByGenerationThenSequence() {
    assertTrue(Version.of(2, 1) > Version.of(1, Version.SEQUENCE_MAX));
    assertTrue(Version.of(Version.GENERATION_MAX, 1) > 0);
    assertEquals(7, Version.generation(Version.of(7, 9)));
    assertEquals(9, Version.sequence(Version.of(7, 9)));
    assertThrows(IllegalStateException.class, () -> Version.of(0, 1));
    assertThrows(IllegalStateException.class, () -> Version.of(1, Version.SEQUENCE_MAX + 1));
  }

  @Test
  void chunksSpreadEvenlyOverShards() {
    int[] counts = new int[7];
    for (int index = 0; index < 7000; index++) {
      counts[Shards.shardOf(42, 0, index, 7)]++;
    }
    for (int count : counts) {
      assertTrue(count > 800 && count < 1200, "count " + count);
    }
  }

  @Test
  void statusCodesAreTheirPositions() {
    for (Status status : Status.values()) {
      assertEquals(status, Status.ofCode(status.code()));
    }
    assertNull(Status.ofCode(-1));
    assertFalse(Status.OK.retry());
  }

  private String hexWithoutCrc(int length) {
    buffer.putInt(24, 0);
    return HexFormat.of().formatHex(buffer.byteArray(), 0, length);
  }
}
