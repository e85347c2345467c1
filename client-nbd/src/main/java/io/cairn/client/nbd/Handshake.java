package io.cairn.client.nbd;

import static io.cairn.client.nbd.Nbd.ORDER;

import io.cairn.client.volume.VolumeIo;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.agrona.DirectBuffer;
import org.agrona.ExpandableArrayBuffer;

/**
 * The fixed newstyle handshake of one connection.
 *
 * <pre>
 * FLAGS --client flags--> OPTIONS --GO or EXPORT_NAME granted--> DONE
 * OPTIONS --option--> BUSY --its answer--> OPTIONS      any --ABORT, bad magic--> CLOSED
 * </pre>
 */
public final class Handshake {
  /** Options that one connection may send. */
  static final int OPTIONS_MAX = 64;

  private static final int TRANSMISSION_FLAGS =
      Nbd.FLAG_HAS_FLAGS
          | Nbd.FLAG_SEND_FLUSH
          | Nbd.FLAG_SEND_FUA
          | Nbd.FLAG_SEND_TRIM
          | Nbd.FLAG_SEND_WRITE_ZEROES
          | Nbd.FLAG_SEND_DF
          | Nbd.FLAG_CAN_MULTI_CONN
          | Nbd.FLAG_SEND_CACHE
          | Nbd.FLAG_SEND_FAST_ZERO;

  private static final int BLOCK_PREFERRED = 4096;

  /** Hears when the connection may transmit. */
  public interface Listener {
    /** The handshake is over; requests follow. */
    void transmit(VolumeIo io, boolean structuredReplies, boolean baseAllocation);

    /** The answer to the last option is out: the next may be given. */
    void resume();
  }

  private final Exports exports;
  private final Output output;
  private final Listener listener;
  private final ExpandableArrayBuffer out = new ExpandableArrayBuffer(256);
  private boolean noZeroes;
  private boolean structuredReplies;
  private String contextExport;
  private int optionCount;
  private boolean busy;
  private boolean closed;

  /** The export that is being opened or was opened; given back when the connection ends. */
  private Answer opening;

  public Handshake(Exports exports, Output output, Listener listener) {
    this.exports = exports;
    this.output = output;
    this.listener = listener;
  }

  /** The server speaks first. */
  public void greet() {
    out.putLong(0, Nbd.MAGIC, ORDER);
    out.putLong(8, Nbd.OPTION_MAGIC, ORDER);
    out.putShort(16, (short) (Nbd.HANDSHAKE_FIXED_NEWSTYLE | Nbd.HANDSHAKE_NO_ZEROES), ORDER);
    output.send(out, 18, null);
  }

  /** The client's flags; what we do not know ends the connection, as the protocol demands. */
  public void onClientFlags(int flags) {
    if ((flags & ~(Nbd.HANDSHAKE_FIXED_NEWSTYLE | Nbd.HANDSHAKE_NO_ZEROES)) != 0) {
      close();
      return;
    }
    noZeroes = (flags & Nbd.HANDSHAKE_NO_ZEROES) != 0;
  }

  /** Whether an option is being answered: no other may be given meanwhile. */
  public boolean isBusy() {
    return busy;
  }

  /** Whether an option's header has the right magic; otherwise the connection ends. */
  public boolean optionMagicOk(long magic) {
    if (magic != Nbd.OPTION_MAGIC || ++optionCount > OPTIONS_MAX) {
      close();
      return false;
    }
    return true;
  }

  /** An option whose data was longer than is looked at and was passed over. */
  public void onOversizeOption(int option, long length) {
    if (option == Nbd.OPT_EXPORT_NAME) {
      close();
      return;
    }
    error(
        option,
        Nbd.REP_ERR_TOO_BIG,
        length + " bytes of option data are more than " + Nbd.OPTION_DATA_BYTES_MAX);
  }

  /** One whole option. */
  public void onOption(int option, DirectBuffer data, int offset, int length) {
    switch (option) {
      case Nbd.OPT_EXPORT_NAME -> exportName(text(data, offset, length));
      case Nbd.OPT_ABORT -> {
        reply(option, Nbd.REP_ACK, 0);
        close();
      }
      case Nbd.OPT_LIST -> list(option, length);
      case Nbd.OPT_INFO, Nbd.OPT_GO -> info(option, data, offset, length);
      case Nbd.OPT_STRUCTURED_REPLY -> {
        if (length != 0) {
          invalid(option, "STRUCTURED_REPLY takes no data, not " + length + " bytes");
        } else {
          structuredReplies = true;
          reply(option, Nbd.REP_ACK, 0);
        }
      }
      case Nbd.OPT_LIST_META_CONTEXT, Nbd.OPT_SET_META_CONTEXT ->
          metaContext(option, data, offset, length);
      default -> error(option, Nbd.REP_ERR_UNSUP, "option " + option + " is not supported");
    }
  }

  private void exportName(String name) {
    open(
        name,
        new Answer(Nbd.OPT_EXPORT_NAME) {
          @Override
          void granted(String opened, VolumeIo io) {
            out.putLong(0, io.sizeBytes(), ORDER);
            out.putShort(8, (short) TRANSMISSION_FLAGS, ORDER);
            out.setMemory(10, 124, (byte) 0);
            output.send(out, noZeroes ? 10 : 134, null);
            listener.transmit(io, structuredReplies, opened.equals(contextExport));
          }

          @Override
          public void unknown(String reason) {
            opening = null;
            Handshake.this.close();
          }

          @Override
          public void refused(String reason) {
            opening = null;
            Handshake.this.close();
          }
        });
  }

  private void open(String name, Answer answer) {
    busy = true;
    opening = answer;
    exports.open(name, answer);
  }

  /** How opening an export goes; the connection gives it back when it ends. */
  private abstract class Answer implements Exports.Opening {
    private final int option;

    Answer(int option) {
      this.option = option;
    }

    abstract void granted(String opened, VolumeIo io);

    @Override
    public final void opened(String opened, VolumeIo io) {
      busy = false;
      if (!closed) {
        granted(opened, io);
      }
    }

    @Override
    public void unknown(String reason) {
      opening = null;
      answered(option, Nbd.REP_ERR_UNKNOWN, reason);
    }

    @Override
    public void refused(String reason) {
      opening = null;
      answered(option, Nbd.REP_ERR_POLICY, reason);
    }

    @Override
    public final void over() {
      opening = null;
      Handshake.this.close();
    }
  }

  private void list(int option, int length) {
    if (length != 0) {
      invalid(option, "LIST takes no data, not " + length + " bytes");
      return;
    }
    busy = true;
    exports.list(
        new Exports.Listing() {
          @Override
          public void names(List<String> names) {
            busy = false;
            if (!closed) {
              sendNames(option, names);
            }
          }

          @Override
          public void refused(String reason) {
            answered(option, Nbd.REP_ERR_POLICY, reason);
          }
        });
  }

  private void sendNames(int option, List<String> names) {
    for (String name : names) {
      byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
      out.putInt(20, bytes.length, ORDER);
      out.putBytes(24, bytes);
      reply(option, Nbd.REP_SERVER, 4 + bytes.length);
    }
    reply(option, Nbd.REP_ACK, 0);
    listener.resume();
  }

  private void info(int option, DirectBuffer data, int offset, int length) {
    long nameLength = length >= 6 ? data.getInt(offset, ORDER) & 0xFFFFFFFFL : -1;
    if (nameLength < 0 || nameLength > length - 6) {
      invalid(option, "the name's length does not fit " + length + " bytes of data");
      return;
    }
    int requests = data.getShort(offset + 4 + (int) nameLength, ORDER) & 0xFFFF;
    if (length != 6 + nameLength + 2L * requests) {
      invalid(option, requests + " information requests do not fit " + length + " bytes of data");
      return;
    }
    if (nameLength > Nbd.NAME_BYTES_MAX) {
      error(
          option,
          Nbd.REP_ERR_TOO_BIG,
          "a name of " + nameLength + " bytes is longer than " + Nbd.NAME_BYTES_MAX);
      return;
    }
    boolean wantsName = false;
    boolean wantsDescription = false;
    for (int i = 0; i < requests; i++) {
      int wanted = data.getShort(offset + 6 + (int) nameLength + 2 * i, ORDER) & 0xFFFF;
      wantsName |= wanted == Nbd.INFO_NAME;
      wantsDescription |= wanted == Nbd.INFO_DESCRIPTION;
    }
    String name = text(data, offset + 4, (int) nameLength);
    if (option == Nbd.OPT_GO) {
      go(name, wantsName, wantsDescription);
    } else {
      look(name, wantsName, wantsDescription);
    }
  }

  private void go(String name, boolean wantsName, boolean wantsDescription) {
    open(
        name,
        new Answer(Nbd.OPT_GO) {
          @Override
          void granted(String opened, VolumeIo io) {
            describe(Nbd.OPT_GO, opened, io.sizeBytes(), wantsName, wantsDescription);
            listener.transmit(io, structuredReplies, opened.equals(contextExport));
          }
        });
  }

  private void look(String name, boolean wantsName, boolean wantsDescription) {
    busy = true;
    exports.describe(
        name,
        new Look(Nbd.OPT_INFO) {
          @Override
          void looked(String found, long sizeBytes) {
            describe(Nbd.OPT_INFO, found, sizeBytes, wantsName, wantsDescription);
          }
        });
  }

  private abstract class Look implements Exports.Description {
    private final int option;

    Look(int option) {
      this.option = option;
    }

    abstract void looked(String found, long sizeBytes);

    @Override
    public final void found(String found, long sizeBytes) {
      busy = false;
      if (!closed) {
        looked(found, sizeBytes);
        listener.resume();
      }
    }

    @Override
    public final void unknown(String reason) {
      answered(option, Nbd.REP_ERR_UNKNOWN, reason);
    }

    @Override
    public final void refused(String reason) {
      answered(option, Nbd.REP_ERR_POLICY, reason);
    }
  }

  private void answered(int option, int code, String reason) {
    busy = false;
    if (!closed) {
      error(option, code, reason);
      listener.resume();
    }
  }

  private void describe(
      int option, String name, long sizeBytes, boolean wantsName, boolean wantsDescription) {
    out.putShort(20, (short) Nbd.INFO_EXPORT, ORDER);
    out.putLong(22, sizeBytes, ORDER);
    out.putShort(30, (short) TRANSMISSION_FLAGS, ORDER);
    reply(option, Nbd.REP_INFO, 12);
    out.putShort(20, (short) Nbd.INFO_BLOCK_SIZE, ORDER);
    out.putInt(22, 1, ORDER);
    out.putInt(26, BLOCK_PREFERRED, ORDER);
    out.putInt(30, Nbd.PAYLOAD_BYTES_MAX, ORDER);
    reply(option, Nbd.REP_INFO, 14);
    if (wantsName) {
      infoText(option, Nbd.INFO_NAME, name);
    }
    if (wantsDescription) {
      infoText(option, Nbd.INFO_DESCRIPTION, "Cairn volume " + name);
    }
    reply(option, Nbd.REP_ACK, 0);
  }

  private void infoText(int option, int type, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    out.putShort(20, (short) type, ORDER);
    out.putBytes(22, bytes);
    reply(option, Nbd.REP_INFO, 2 + bytes.length);
  }

  private void metaContext(int option, DirectBuffer data, int offset, int length) {
    boolean set = option == Nbd.OPT_SET_META_CONTEXT;
    if (set) {
      contextExport = null;
    }
    if (!structuredReplies) {
      invalid(option, "contexts need structured replies to be negotiated first");
      return;
    }
    int end = offset + length;
    long nameLength = length >= 8 ? data.getInt(offset, ORDER) & 0xFFFFFFFFL : -1;
    if (nameLength < 0 || nameLength > length - 8) {
      invalid(option, "the name's length does not fit " + length + " bytes of data");
      return;
    }
    String name = text(data, offset + 4, (int) nameLength);
    int at = offset + 4 + (int) nameLength;
    long queries = data.getInt(at, ORDER) & 0xFFFFFFFFL;
    at += 4;
    boolean matches = queries == 0 && !set;
    for (long i = 0; i < queries; i++) {
      long queryLength = end - at >= 4 ? data.getInt(at, ORDER) & 0xFFFFFFFFL : -1;
      if (queryLength < 0 || queryLength > end - at - 4) {
        invalid(option, "query " + i + " does not fit " + length + " bytes of data");
        return;
      }
      String query = text(data, at + 4, (int) queryLength);
      matches |= query.equals(Nbd.BASE_ALLOCATION) || !set && query.equals("base:");
      at += 4 + (int) queryLength;
    }
    if (at != end) {
      invalid(option, end - at + " bytes follow the last query");
      return;
    }
    boolean found = matches;
    busy = true;
    exports.describe(
        name,
        new Look(option) {
          @Override
          void looked(String named, long sizeBytes) {
            if (found) {
              if (set) {
                contextExport = named;
              }
              byte[] bytes = Nbd.BASE_ALLOCATION.getBytes(StandardCharsets.US_ASCII);
              out.putInt(20, set ? Nbd.BASE_ALLOCATION_ID : 0, ORDER);
              out.putBytes(24, bytes);
              reply(option, Nbd.REP_META_CONTEXT, 4 + bytes.length);
            }
            reply(option, Nbd.REP_ACK, 0);
          }
        });
  }

  private void invalid(int option, String message) {
    error(option, Nbd.REP_ERR_INVALID, message);
  }

  private void error(int option, int code, String message) {
    byte[] bytes = message.getBytes(StandardCharsets.UTF_8);
    out.putBytes(20, bytes);
    reply(option, code, bytes.length);
  }

  /** Sends a reply whose data stand at 20 already. */
  private void reply(int option, int code, int dataLength) {
    out.putLong(0, Nbd.OPTION_REPLY_MAGIC, ORDER);
    out.putInt(8, option, ORDER);
    out.putInt(12, code, ORDER);
    out.putInt(16, dataLength, ORDER);
    output.send(out, 20 + dataLength, null);
  }

  private void close() {
    closed = true;
    busy = false;
    output.close();
  }

  /** The connection is gone. */
  public void onClosed() {
    closed = true;
    if (opening != null) {
      exports.close(opening);
      opening = null;
    }
  }

  private static String text(DirectBuffer data, int offset, int length) {
    byte[] bytes = new byte[length];
    data.getBytes(offset, bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
