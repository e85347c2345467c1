package io.cairn.storage.transport;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Request;
import io.cairn.storage.wire.Version;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.IOException;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class FrameDecoderTest {
  private final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(true);
  private final FrameDecoder decoder = new FrameDecoder(allocator, null);
  private final Collector sink = new Collector();

  /** Keeps frames as bytes, each header followed by its payload. */
  private static final class Collector implements FrameDecoder.Sink {
    final List<byte[]> frames = new ArrayList<>();
    final List<Payload> kept = new ArrayList<>();
    boolean keep;
    int framesMax = Integer.MAX_VALUE;

    @Override
    public boolean takesMore() {
      return frames.size() < framesMax;
    }

    @Override
    public void onFrame(DirectBuffer header, int headerLength, Payload payload) {
      byte[] all = new byte[headerLength + (payload == null ? 0 : payload.length())];
      header.getBytes(0, all, 0, headerLength);
      if (payload != null) {
        payload.buffer().getBytes(payload.offset(), all, headerLength, payload.length());
        if (keep) {
          payload.retain();
          kept.add(payload);
        }
      }
      frames.add(all);
    }
  }

  @AfterEach
  void noBufferLeaks() {
    decoder.release();
    sink.kept.forEach(Payload::release);
    assertEquals(0, allocator.metric().usedDirectMemory());
  }

  /** A WRITE of that many blocks with bytes from the seed. */
  static byte[] write(int blocks, long seed) {
    UnsafeBuffer header = new UnsafeBuffer(new byte[Frame.HEADER_BYTES_MAX]);
    byte[] data = new byte[blocks * Frame.BLOCK_BYTES];
    new Random(seed).nextBytes(data);
    for (int i = 0; i < blocks; i++) {
      Request.putCrc(header, 0, i, (int) seed + i);
    }
    int length =
        new Request(7).write(header, 0, 0, seed, 1, 2, 0, 3, 4, Version.of(4, seed + 1), 0, blocks);
    byte[] frame = Arrays.copyOf(header.byteArray(), length + data.length);
    System.arraycopy(data, 0, frame, length, data.length);
    return frame;
  }

  static byte[] ping(long id) {
    UnsafeBuffer header = new UnsafeBuffer(new byte[128]);
    int length = new Request(7).bare(header, 0, MessageType.PING, id, 1, 0, 0, 0, 0);
    return Arrays.copyOf(header.byteArray(), length);
  }

  /** A frame without a payload whose header is as large as headers may be. */
  private static byte[] largestHeader() {
    UnsafeBuffer header = new UnsafeBuffer(new byte[Frame.HEADER_BYTES_MAX]);
    Frame.begin(header, 0, MessageType.VERSIONS, 0, 1, 0);
    Frame.seal(header, 0, Frame.HEADER_BYTES_MAX, 0, new Crc32c());
    return header.byteArray();
  }

  private static byte[] concat(List<byte[]> parts) {
    int length = parts.stream().mapToInt(p -> p.length).sum();
    byte[] all = new byte[length];
    int at = 0;
    for (byte[] part : parts) {
      System.arraycopy(part, 0, all, at, part.length);
      at += part.length;
    }
    return all;
  }

  private String feed(byte[] bytes) {
    return feed(bytes, 0, bytes.length);
  }

  private String feed(byte[] bytes, int from, int length) {
    ByteBuf in = allocator.directBuffer(Math.max(1, length)).writeBytes(bytes, from, length);
    try {
      return decoder.feed(in, sink);
    } finally {
      in.release();
    }
  }

  private void assertFrames(List<byte[]> expected) {
    assertEquals(expected.size(), sink.frames.size());
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i), sink.frames.get(i), "frame " + i);
    }
  }

  private static final List<byte[]> MIXED =
      List.of(ping(1), write(1, 2), write(3, 3), largestHeader(), ping(4), write(256, 5), ping(6));

  @Test
  void framesThatCameTogetherAreCutApart() {
    assertNull(feed(concat(MIXED)));
    assertFrames(MIXED);
  }

  @Test
  void framesThatCameByteByByteAreWhole() {
    byte[] all = concat(MIXED.subList(0, 5));
    for (int i = 0; i < all.length; i++) {
      assertNull(feed(all, i, 1));
    }
    assertFrames(MIXED.subList(0, 5));
  }

  @Test
  void framesCutAtRandomPlacesAreWhole() {
    byte[] all = concat(MIXED);
    for (int seed = 0; seed < 200; seed++) {
      sink.frames.clear();
      Random random = new Random(seed);
      int at = 0;
      while (at < all.length) {
        int part = Math.min(all.length - at, 1 + random.nextInt(1 << random.nextInt(17)));
        assertNull(feed(all, at, part));
        at += part;
      }
      assertFrames(MIXED);
    }
  }

  @Test
  void aPayloadThatCameWholeSharesTheBytesThatWereRead() {
    sink.keep = true;
    byte[] frame = write(1, 1);
    ByteBuf in = allocator.directBuffer(frame.length).writeBytes(frame);
    long before = allocator.metric().usedDirectMemory();
    assertNull(decoder.feed(in, sink));
    in.release();
    assertEquals(before, allocator.metric().usedDirectMemory());
    assertFrames(List.of(frame));
  }

  @Test
  void aPayloadInPartsIsCollectedInABufferOfItsSize() {
    byte[] frame = write(16, 1);
    assertNull(feed(frame, 0, 5000));
    assertEquals(16 * Frame.BLOCK_BYTES, decoder.collected().capacity());
    assertNull(feed(frame, 5000, frame.length - 5000));
    assertFrames(List.of(frame));
  }

  @Test
  void aSinkThatTakesNoMoreLeavesTheBytesWhereTheyAre() {
    byte[] all = concat(List.of(ping(1), ping(2), ping(3)));
    ByteBuf in = allocator.directBuffer(all.length).writeBytes(all);
    sink.framesMax = 2;
    assertNull(decoder.feed(in, sink));
    assertEquals(ping(3).length, in.readableBytes());
    sink.framesMax = 3;
    assertNull(decoder.feed(in, sink));
    assertFrames(List.of(ping(1), ping(2), ping(3)));
    in.release();
  }

  @Test
  void aBadPrefixEndsTheStreamBeforeAnythingBehindItIsWaitedFor() {
    byte[] wrongMagic = ping(1);
    wrongMagic[0]++;
    assertNotNull(feed(wrongMagic, 0, Frame.PREFIX_BYTES));
    assertTrue(sink.frames.isEmpty());
  }

  @Test
  void anOversizeFrameEndsTheStreamBeforeMemoryIsAllocated() {
    byte[] huge = write(1, 1);
    huge[7] = 0x7F;
    assertNotNull(feed(huge));
    assertTrue(sink.frames.isEmpty());
  }

  @Test
  void everyFlippedBitOfAHeaderEndsTheStream() {
    byte[] frame = ping(1);
    for (int bit = 0; bit < frame.length * 8; bit++) {
      byte[] bad = frame.clone();
      bad[bit / 8] ^= (byte) (1 << bit % 8);
      FrameDecoder fresh = new FrameDecoder(allocator, null);
      ByteBuf in = allocator.directBuffer(1 << 17).writeBytes(bad).writeZero(1 << 16);
      String problem = fresh.feed(in, sink);
      in.release();
      fresh.release();
      assertNotNull(problem, "bit " + bit);
    }
    assertTrue(sink.frames.isEmpty());
  }

  @Test
  void garbageEndsTheStream() {
    for (int seed = 0; seed < 2000; seed++) {
      Random random = new Random(seed);
      byte[] garbage = new byte[Frame.PREFIX_BYTES + random.nextInt(2000)];
      random.nextBytes(garbage);
      FrameDecoder fresh = new FrameDecoder(allocator, null);
      ByteBuf in = allocator.directBuffer(garbage.length).writeBytes(garbage);
      assertNotNull(fresh.feed(in, sink), "seed " + seed);
      in.release();
      fresh.release();
    }
    assertTrue(sink.frames.isEmpty());
  }

  /** The header of a WRITE whose payload lies at the place of lent memory. */
  private static byte[] lentWrite(byte[] write, long place) {
    UnsafeBuffer header = new UnsafeBuffer(write);
    int length = Frame.headerLength(header, 0);
    byte[] lent = Arrays.copyOf(write, length + Long.BYTES);
    UnsafeBuffer marked = new UnsafeBuffer(lent);
    Frame.markLent(marked, 0, true, new Crc32c());
    marked.putLong(length, place, ByteOrder.LITTLE_ENDIAN);
    return lent;
  }

  @Test
  void aLentPayloadIsDeliveredWhereItLiesWithTheHeaderAsItWas() throws IOException {
    SharedMemory lender = SharedMemory.make(1 << 20);
    SharedMemory borrowed = SharedMemory.borrow(lender.descriptor());
    byte[] write = write(3, 9);
    int header = Frame.headerLength(new UnsafeBuffer(write), 0);
    int place = 5 * Frame.BLOCK_BYTES + 8;
    lender.setBytes(place, write, header, write.length - header);
    byte[] all = concat(List.of(lentWrite(write, place), ping(1)));
    for (int cut = 0; cut <= all.length; cut++) {
      sink.frames.clear();
      FrameDecoder decoderOfLink = new FrameDecoder(allocator, borrowed);
      for (int[] part : new int[][] {{0, cut}, {cut, all.length - cut}}) {
        ByteBuf in = allocator.directBuffer(all.length).writeBytes(all, part[0], part[1]);
        assertNull(decoderOfLink.feed(in, sink));
        in.release();
      }
      assertFrames(List.of(write, ping(1)));
      decoderOfLink.release();
    }
    borrowed.release();
    lender.release();
  }

  @Test
  void aLentPayloadStaysWhereItIsUntilTheLastOneLetsGoOfIt() throws IOException {
    SharedMemory lender = SharedMemory.make(1 << 20);
    SharedMemory borrowed = SharedMemory.borrow(lender.descriptor());
    byte[] write = write(1, 9);
    FrameDecoder decoderOfLink = new FrameDecoder(allocator, borrowed);
    sink.keep = true;
    ByteBuf in = allocator.directBuffer(4096).writeBytes(lentWrite(write, 4096));
    assertNull(decoderOfLink.feed(in, sink));
    in.release();
    decoderOfLink.release();
    borrowed.release();
    lender.release();
    assertEquals(0, sink.kept.getFirst().buffer().getByte(0));
    sink.kept.removeFirst().release();
    assertEquals(0, borrowed.refCnt());
  }

  @Test
  void aPlaceOutsideOfWhatIsLentEndsTheStream() throws IOException {
    SharedMemory lender = SharedMemory.make(1 << 20);
    byte[] write = write(2, 9);
    int length = 2 * Frame.BLOCK_BYTES;
    for (long place :
        new long[] {-1, Long.MIN_VALUE, (1 << 20) - length + 1, 1L << 32, Long.MAX_VALUE}) {
      ByteBuf in = allocator.directBuffer(4096).writeBytes(lentWrite(write, place));
      assertNotNull(new FrameDecoder(allocator, lender).feed(in, sink), "place " + place);
      in.release();
    }
    assertNotNull(feed(lentWrite(write, 0)), "nothing was lent");
    assertTrue(sink.frames.isEmpty());
    lender.release();
  }

  @Test
  void aFrameThatIsCutOffLeavesNothingBehind() {
    byte[] frame = write(16, 1);
    assertNull(feed(frame, 0, frame.length - 1));
    decoder.release();
    assertEquals(0, allocator.metric().usedDirectMemory());
  }
}
