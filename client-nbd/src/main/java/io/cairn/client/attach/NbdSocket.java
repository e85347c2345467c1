package io.cairn.client.attach;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * A connection to a gateway that has agreed on an export (NBD protocol, fixed newstyle negotiation,
 * simple replies, which is all that the kernel knows), ready to be given to the kernel.
 *
 * @param fd its descriptor; the kernel has its own hold on the socket once it was told.
 * @param sizeBytes of the export.
 * @param flags of the export, as the server says them.
 */
record NbdSocket(int fd, long sizeBytes, int flags) implements AutoCloseable {
  private static final long NBDMAGIC = 0x4e42444d41474943L;
  private static final long IHAVEOPT = 0x49484156454F5054L;
  private static final long OPTION_REPLY_MAGIC = 0x3e889045565a9L;
  private static final int FLAGS_FIXED_NEWSTYLE_NO_ZEROES = 3;
  private static final int OPT_GO = 7;
  private static final int REP_ACK = 1;
  private static final int REP_INFO = 3;
  private static final int INFO_EXPORT = 0;
  private static final int CAN_MULTI_CONN = 1 << 8;
  private static final int REPLY_BYTES_MAX = 64 * 1024;

  /** A gateway that answers, and says no. */
  static final class Refused extends IOException {
    private static final long serialVersionUID = 1;

    Refused(String reason) {
      super(reason);
    }
  }

  /**
   * Connects and agrees.
   *
   * @param timeoutMillis how long each step may take.
   * @throws Refused when the gateway does not offer the volume.
   */
  static NbdSocket open(GatewayAddress gateway, String volume, int timeoutMillis)
      throws IOException {
    int fd = gateway.connect(timeoutMillis);
    try {
      NbdSocket socket = agree(fd, gateway, volume);
      // The kernel waits as long as it wants to.
      GatewayAddress.timeout(fd, 0);
      return socket;
    } catch (IOException | RuntimeException e) {
      Posix.close(fd);
      throw e;
    }
  }

  private static NbdSocket agree(int fd, GatewayAddress gateway, String volume) throws IOException {
    String what = "the gateway at " + gateway.text();
    ByteBuffer greeting = receive(what, fd, 18);
    if (greeting.getLong() != NBDMAGIC || greeting.getLong() != IHAVEOPT) {
      throw new IOException(what + " does not speak NBD");
    }
    byte[] name = volume.getBytes(StandardCharsets.UTF_8);
    ByteBuffer go = ByteBuffer.allocate(4 + 16 + 4 + name.length + 2);
    go.putInt(FLAGS_FIXED_NEWSTYLE_NO_ZEROES).putLong(IHAVEOPT).putInt(OPT_GO);
    go.putInt(4 + name.length + 2).putInt(name.length).put(name).putShort((short) 0);
    Posix.send(what, fd, go.array());
    long sizeBytes = -1;
    int flags = 0;
    while (true) {
      ByteBuffer head = receive(what, fd, 20);
      if (head.getLong() != OPTION_REPLY_MAGIC) {
        throw new IOException(what + " broke the NBD handshake");
      }
      head.getInt();
      int type = head.getInt();
      int length = head.getInt();
      if (length < 0 || length > REPLY_BYTES_MAX) {
        throw new IOException(what + " sent an option's reply of " + length + " bytes");
      }
      ByteBuffer data = receive(what, fd, length);
      if (type == REP_INFO && length >= 12 && data.getShort(0) == INFO_EXPORT) {
        sizeBytes = data.getLong(2);
        flags = Short.toUnsignedInt(data.getShort(10));
      } else if (type == REP_ACK && sizeBytes >= 0) {
        return new NbdSocket(fd, sizeBytes, flags);
      } else if (type != REP_INFO) {
        throw new Refused(
            "volume " + volume + ": " + new String(data.array(), StandardCharsets.UTF_8));
      }
    }
  }

  private static ByteBuffer receive(String what, int fd, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    while (bytes.hasRemaining()) {
      byte[] some = Posix.receive(what, fd, bytes.remaining());
      if (some.length == 0) {
        throw new EOFException(what + " closed the connection");
      }
      bytes.put(some);
    }
    return bytes.flip();
  }

  /** Whether several connections see each other's writes. */
  boolean permitsSeveral() {
    return (flags & CAN_MULTI_CONN) != 0;
  }

  @Override
  public void close() {
    Posix.close(fd);
  }
}
