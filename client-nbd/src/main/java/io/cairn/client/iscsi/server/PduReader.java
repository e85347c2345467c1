package io.cairn.client.iscsi.server;

import io.cairn.client.iscsi.Bhs;
import io.cairn.client.iscsi.Parameters;
import io.cairn.client.iscsi.ProtocolException;
import io.cairn.storage.env.Payload;
import io.cairn.storage.transport.LoopMemory;
import io.cairn.storage.transport.NettyPayload;
import io.cairn.storage.wire.Crc32c;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;

/**
 * Cuts one connection's bytes into PDUs and checks their digests (RFC 7143 section 11.2).
 *
 * <p>A data segment that lies whole in the bytes that are fed shares their memory. A small one is
 * waited for when there is room for the rest of it behind what came. Any other is received into a
 * buffer of its own or, where the command that it is of has one already, into its place there: no
 * byte of it is copied then.
 */
final class PduReader {
  /** A data segment up to this size is waited for where it lies. */
  private static final int WAITED_FOR_BYTES = 32 << 10;

  /** Receives the PDUs, and says what was agreed about them. */
  interface Sink {
    /** Whether headers have digests now. */
    boolean hasHeaderDigests();

    /** Whether data segments have digests now. */
    boolean hasDataDigests();

    /**
     * Where the data segment that follows this header belongs; null for nowhere in particular.
     *
     * @return with a reference for the caller.
     */
    Payload placeOf(Bhs pdu);

    /**
     * One whole PDU.
     *
     * @param data borrowed; null when there is none. What {@link #placeOf} gave when it was
     *     received in its place.
     * @throws ProtocolException when the connection cannot go on.
     */
    void onPdu(Bhs pdu, Payload data);
  }

  private final ByteBufAllocator allocator;
  private final Sink sink;
  private final Bhs pdu = new Bhs();
  private final Crc32c crc = new Crc32c();
  private boolean hasHeader;

  /** What the data segment is received into, padding and digest included; or null. */
  private ByteBuf collected;

  /** Whose memory that is, or null when it is its own. */
  private Payload place;

  PduReader(ByteBufAllocator allocator, Sink sink) {
    this.allocator = allocator;
    this.sink = sink;
  }

  /**
   * Takes at most one PDU.
   *
   * @param in borrowed; what was consumed is behind its reader index.
   * @return whether there was one.
   * @throws ProtocolException when the bytes are none, or the sink says so.
   */
  boolean read(ByteBuf in) {
    return (hasHeader || header(in)) && data(in);
  }

  /** What the socket is to be read into next; null for where bytes come in as a rule. Borrowed. */
  ByteBuf collected() {
    return collected;
  }

  private boolean header(ByteBuf in) {
    if (in.readableBytes() < Bhs.BYTES) {
      return false;
    }
    in.getBytes(in.readerIndex(), pdu.bytes().byteArray());
    int length = Bhs.BYTES + pdu.additionalHeaderBytes();
    int digestBytes = sink.hasHeaderDigests() ? Bhs.DIGEST_BYTES : 0;
    if (in.readableBytes() < length + digestBytes) {
      return false;
    }
    if (digestBytes > 0) {
      check("header", in, length);
    }
    if (pdu.dataSegmentBytes() > Parameters.RECEIVE_BYTES_MAX) {
      throw new ProtocolException(
          "a data segment of "
              + pdu.dataSegmentBytes()
              + " bytes: at most "
              + Parameters.RECEIVE_BYTES_MAX);
    }
    in.skipBytes(length + digestBytes);
    hasHeader = true;
    return true;
  }

  private void check(String what, ByteBuf in, int length) {
    Payload summed = NettyPayload.of(in.retain(), in.readerIndex(), length);
    int computed = crc.of(summed.buffer(), summed.offset(), length);
    summed.release();
    int came = in.getIntLE(in.readerIndex() + length);
    if (computed != came) {
      throw new ProtocolException(
          String.format("the %s digest is %08x: computed %08x", what, came, computed));
    }
  }

  private boolean data(ByteBuf in) {
    int length = pdu.dataSegmentBytes();
    if (length == 0) {
      deliver(null);
      return true;
    }
    boolean digest = sink.hasDataDigests();
    int padded = length + Bhs.padding(length);
    int whole = padded + (digest ? Bhs.DIGEST_BYTES : 0);
    if (collected == null && in.readableBytes() >= whole) {
      if (digest) {
        check("data", in, padded);
      }
      int from = in.readerIndex();
      in.skipBytes(whole);
      deliver(NettyPayload.of(in.retain(), from, length));
      return true;
    }
    if (!collect(in, whole, whole > length)) {
      return false;
    }
    if (digest) {
      check("data", collected, padded);
    }
    Payload received = place == null ? NettyPayload.of(collected, 0, length) : place;
    collected = null;
    place = null;
    deliver(received);
    return true;
  }

  /** Whether the data segment was collected whole. */
  private boolean collect(ByteBuf in, int whole, boolean hasTrailer) {
    if (collected == null) {
      if (whole <= WAITED_FOR_BYTES && in.writableBytes() >= whole - in.readableBytes()) {
        return false;
      }
      place = hasTrailer ? null : sink.placeOf(pdu);
      if (place instanceof NettyPayload inPlace) {
        collected = inPlace.receiver();
      } else {
        releasePlace();
        collected = LoopMemory.forPayload(whole, allocator);
      }
    }
    collected.writeBytes(in, Math.min(in.readableBytes(), collected.writableBytes()));
    return !collected.isWritable();
  }

  private void deliver(Payload data) {
    hasHeader = false;
    try {
      sink.onPdu(pdu, data);
    } finally {
      if (data != null) {
        data.release();
      }
    }
  }

  private void releasePlace() {
    if (place != null) {
      place.release();
      place = null;
    }
  }

  /** Gives back what was collected of a PDU that will not be completed. */
  void release() {
    if (collected != null && place == null) {
      collected.release();
    }
    collected = null;
    releasePlace();
  }
}
