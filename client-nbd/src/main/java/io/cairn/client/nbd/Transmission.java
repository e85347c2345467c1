package io.cairn.client.nbd;

import static io.cairn.client.nbd.Nbd.ORDER;

import io.cairn.client.volume.VolumeIo;
import io.cairn.storage.env.Payload;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import org.agrona.ExpandableArrayBuffer;

/**
 * The transmission phase of one connection: checks each request at one gate, runs it on the volume,
 * and answers in whatever order the volume finishes.
 */
public final class Transmission {
  /** Extents in one answer to BLOCK_STATUS. */
  static final int EXTENTS_MAX = 4096;

  private static final int SIMPLE_BYTES = 16;
  private static final int STRUCTURED_BYTES = 20;

  private final VolumeIo io;
  private final boolean structured;
  private final boolean baseAllocation;
  private final Output output;
  private final LongConsumer finished;
  private final ExpandableArrayBuffer out = new ExpandableArrayBuffer(64);
  private final List<Exchange> free = new ArrayList<>();
  private boolean closed;
  private int requestsInFlight;
  private boolean disconnecting;

  /**
   * A connection that may transmit.
   *
   * @param finished runs after each request that was answered, with its {@link #weight}: there is
   *     room for another.
   */
  public Transmission(
      VolumeIo io,
      boolean structured,
      boolean baseAllocation,
      Output output,
      LongConsumer finished) {
    this.io = io;
    this.structured = structured;
    this.baseAllocation = baseAllocation;
    this.output = output;
    this.finished = finished;
  }

  /** Requests that were not answered yet. */
  public int requestsInFlight() {
    return requestsInFlight;
  }

  /** Whether the payload of a write of this length is to be read; otherwise it is passed over. */
  public static boolean payloadFits(long length) {
    return length <= Nbd.PAYLOAD_BYTES_MAX;
  }

  /** Bytes of payload that a request makes us hold until it is answered. */
  public static long weight(int type, long length) {
    boolean holds = type == Nbd.CMD_READ || type == Nbd.CMD_WRITE;
    return holds && payloadFits(length) ? length : 0;
  }

  /**
   * One request.
   *
   * @param length as it stands on the wire, unsigned.
   * @param payload of a write, borrowed; null when there is none or it was passed over.
   */
  public void onRequest(
      int flags, int type, long cookie, long offset, long length, Payload payload) {
    requestsInFlight++;
    if (type == Nbd.CMD_DISC) {
      requestsInFlight--;
      disconnecting = true;
      endIfDone();
      return;
    }
    int error = problem(flags, type, offset, length, payload);
    if (error != 0) {
      fail(cookie, weight(type, length), error);
      return;
    }
    boolean fua = (flags & Nbd.CMD_FLAG_FUA) != 0;
    switch (type) {
      case Nbd.CMD_READ -> io.read(offset, (int) length, exchange(cookie, offset, length));
      case Nbd.CMD_WRITE -> io.write(offset, payload, fua, exchange(cookie, offset, length));
      case Nbd.CMD_FLUSH -> io.flush(failure -> done(cookie, 0, failure));
      case Nbd.CMD_TRIM -> io.zero(offset, length, true, fua, failure -> done(cookie, 0, failure));
      case Nbd.CMD_WRITE_ZEROES ->
          io.zero(
              offset,
              length,
              (flags & Nbd.CMD_FLAG_NO_HOLE) == 0,
              fua,
              failure -> done(cookie, 0, failure));
      case Nbd.CMD_CACHE -> done(cookie, 0, null);
      case Nbd.CMD_BLOCK_STATUS -> blockStatus(flags, cookie, offset, length);
      default -> throw new IllegalStateException("command " + type + " passed the gate");
    }
  }

  /** A read or write under way; used again once it is answered. */
  private final class Exchange implements VolumeIo.Callback, VolumeIo.ReadCallback {
    private long cookie;
    private long offset;
    private long weight;

    @Override
    public void done(VolumeIo.Failure failure) {
      free.add(this);
      Transmission.this.done(cookie, weight, failure);
    }

    @Override
    public void done(Payload payload, VolumeIo.Failure failure) {
      free.add(this);
      read(cookie, offset, weight, payload, failure);
    }
  }

  private Exchange exchange(long cookie, long offset, long weight) {
    Exchange exchange = free.isEmpty() ? new Exchange() : free.removeLast();
    exchange.cookie = cookie;
    exchange.offset = offset;
    exchange.weight = weight;
    return exchange;
  }

  /** The gate: 0, or the error that the protocol names for the request. */
  private int problem(int flags, int type, long offset, long length, Payload payload) {
    int known =
        switch (type) {
          case Nbd.CMD_READ -> structured ? Nbd.CMD_FLAG_DF : 0;
          case Nbd.CMD_WRITE, Nbd.CMD_TRIM -> 0;
          case Nbd.CMD_WRITE_ZEROES -> Nbd.CMD_FLAG_NO_HOLE | Nbd.CMD_FLAG_FAST_ZERO;
          case Nbd.CMD_BLOCK_STATUS -> Nbd.CMD_FLAG_REQ_ONE;
          case Nbd.CMD_FLUSH, Nbd.CMD_CACHE -> 0;
          default -> -1;
        };
    // FUA is allowed on every command: the server announced it.
    if (known < 0 || (flags & ~(known | Nbd.CMD_FLAG_FUA)) != 0) {
      return Nbd.EINVAL;
    }
    if (type == Nbd.CMD_FLUSH) {
      return offset == 0 && length == 0 ? 0 : Nbd.EINVAL;
    }
    if (type == Nbd.CMD_BLOCK_STATUS && (!baseAllocation || length == 0)) {
      return Nbd.EINVAL;
    }
    boolean writes = type == Nbd.CMD_WRITE || type == Nbd.CMD_WRITE_ZEROES;
    if (offset < 0 || length > io.sizeBytes() || offset > io.sizeBytes() - length) {
      return writes ? Nbd.ENOSPC : Nbd.EINVAL;
    }
    if (type == Nbd.CMD_READ && length > Nbd.PAYLOAD_BYTES_MAX) {
      return structured ? Nbd.EOVERFLOW : Nbd.EINVAL;
    }
    return type == Nbd.CMD_WRITE && payload == null ? Nbd.EINVAL : 0;
  }

  private void read(
      long cookie, long offset, long weight, Payload payload, VolumeIo.Failure failure) {
    if (failure != null) {
      fail(cookie, weight, errorOf(failure));
      return;
    }
    if (!closed) {
      if (!structured) {
        simple(cookie, 0);
        output.send(out, SIMPLE_BYTES, payload);
      } else if (payload.length() == 0) {
        chunk(cookie, Nbd.CHUNK_NONE, 0);
        output.send(out, STRUCTURED_BYTES, null);
      } else {
        chunk(cookie, Nbd.CHUNK_OFFSET_DATA, 8 + payload.length());
        out.putLong(STRUCTURED_BYTES, offset, ORDER);
        output.send(out, STRUCTURED_BYTES + 8, payload);
      }
    }
    end(weight);
  }

  private void blockStatus(int flags, long cookie, long offset, long length) {
    io.extents(
        offset,
        length,
        (lengths, kinds, count, failure) -> {
          if (failure != null) {
            fail(cookie, 0, errorOf(failure));
            return;
          }
          int extents = Math.min(count, (flags & Nbd.CMD_FLAG_REQ_ONE) != 0 ? 1 : EXTENTS_MAX);
          chunk(cookie, Nbd.CHUNK_BLOCK_STATUS, 4 + 8 * extents);
          out.putInt(STRUCTURED_BYTES, Nbd.BASE_ALLOCATION_ID, ORDER);
          for (int i = 0; i < extents; i++) {
            int at = STRUCTURED_BYTES + 4 + 8 * i;
            out.putInt(at, (int) lengths[i], ORDER);
            out.putInt(at + 4, stateOf(kinds[i]), ORDER);
          }
          if (!closed) {
            output.send(out, STRUCTURED_BYTES + 4 + 8 * extents, null);
          }
          end(0);
        });
  }

  private static int stateOf(int kind) {
    return switch (kind) {
      case 0 -> Nbd.STATE_HOLE | Nbd.STATE_ZERO;
      case 1 -> Nbd.STATE_ZERO;
      default -> 0;
    };
  }

  private void done(long cookie, long weight, VolumeIo.Failure failure) {
    if (failure != null) {
      fail(cookie, weight, errorOf(failure));
      return;
    }
    if (!closed) {
      if (structured) {
        chunk(cookie, Nbd.CHUNK_NONE, 0);
        output.send(out, STRUCTURED_BYTES, null);
      } else {
        simple(cookie, 0);
        output.send(out, SIMPLE_BYTES, null);
      }
    }
    end(weight);
  }

  /** The one place where a failure of the volume becomes an NBD error. */
  static int errorOf(VolumeIo.Failure failure) {
    return switch (failure) {
      case FENCED, CLOSED -> Nbd.ESHUTDOWN;
      case UNREADABLE, TIMED_OUT -> Nbd.EIO;
      case NO_SPACE -> Nbd.ENOSPC;
    };
  }

  private void fail(long cookie, long weight, int error) {
    if (!closed) {
      if (structured) {
        byte[] text = ("error " + error).getBytes(StandardCharsets.US_ASCII);
        chunk(cookie, Nbd.CHUNK_ERROR, 6 + text.length);
        out.putInt(STRUCTURED_BYTES, error, ORDER);
        out.putShort(STRUCTURED_BYTES + 4, (short) text.length, ORDER);
        out.putBytes(STRUCTURED_BYTES + 6, text);
        output.send(out, STRUCTURED_BYTES + 6 + text.length, null);
      } else {
        simple(cookie, error);
        output.send(out, SIMPLE_BYTES, null);
      }
    }
    end(weight);
  }

  private void simple(long cookie, int error) {
    out.putInt(0, Nbd.SIMPLE_REPLY_MAGIC, ORDER);
    out.putInt(4, error, ORDER);
    out.putLong(8, cookie, ORDER);
  }

  private void chunk(long cookie, int type, int length) {
    out.putInt(0, Nbd.STRUCTURED_REPLY_MAGIC, ORDER);
    out.putShort(4, (short) Nbd.CHUNK_FLAG_DONE, ORDER);
    out.putShort(6, (short) type, ORDER);
    out.putLong(8, cookie, ORDER);
    out.putInt(16, length, ORDER);
  }

  private void end(long weight) {
    requestsInFlight--;
    finished.accept(weight);
    endIfDone();
  }

  private void endIfDone() {
    if (disconnecting && requestsInFlight == 0 && !closed) {
      closed = true;
      output.close();
    }
  }

  /** The connection is gone; what is still under way is finished without an answer. */
  public void onClosed() {
    closed = true;
  }
}
