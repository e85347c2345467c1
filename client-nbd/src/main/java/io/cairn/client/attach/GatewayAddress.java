package io.cairn.client.attach;

import io.cairn.metadata.options.Address;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Where a gateway serves NBD: {@code HOST:PORT}, or the path of a Unix socket, which is absolute.
 *
 * @param text as it was given.
 */
record GatewayAddress(String text) {
  private static final int UNIX_PATH_BYTES_MAX = 107;

  GatewayAddress {
    if (text.startsWith("/")) {
      if (text.getBytes(StandardCharsets.UTF_8).length > UNIX_PATH_BYTES_MAX) {
        throw new IllegalArgumentException(
            "the path of a socket has at most " + UNIX_PATH_BYTES_MAX + " bytes: " + text);
      }
    } else {
      Address.parse(text);
    }
  }

  private boolean isUnix() {
    return text.startsWith("/");
  }

  /** A connection; what it waits for takes so long at most. */
  int connect(int timeoutMillis) throws IOException {
    byte[] address = socketAddress();
    int family = ByteBuffer.wrap(address).order(ByteOrder.nativeOrder()).getShort(0);
    int fd = Posix.socket(family, Posix.SOCK_STREAM, 0);
    try {
      timeout(fd, timeoutMillis);
      Posix.connect("the gateway at " + text, fd, address);
      if (!isUnix()) {
        Posix.option(fd, Posix.IPPROTO_TCP, Posix.TCP_NODELAY, number(1));
      }
      return fd;
    } catch (IOException e) {
      Posix.close(fd);
      throw e;
    }
  }

  /** Bounds what a socket waits for; 0 for no bound. */
  static void timeout(int fd, int millis) throws IOException {
    byte[] time =
        ByteBuffer.allocate(16)
            .order(ByteOrder.nativeOrder())
            .putLong(millis / 1000)
            .putLong(millis % 1000 * 1000L)
            .array();
    Posix.option(fd, Posix.SOL_SOCKET, Posix.SO_RCVTIMEO, time);
    Posix.option(fd, Posix.SOL_SOCKET, Posix.SO_SNDTIMEO, time);
  }

  static byte[] number(int value) {
    return ByteBuffer.allocate(4).order(ByteOrder.nativeOrder()).putInt(value).array();
  }

  /** struct sockaddr_un, sockaddr_in or sockaddr_in6. */
  private byte[] socketAddress() throws IOException {
    if (isUnix()) {
      byte[] path = text.getBytes(StandardCharsets.UTF_8);
      return ByteBuffer.allocate(2 + path.length + 1)
          .order(ByteOrder.nativeOrder())
          .putShort((short) Posix.AF_UNIX)
          .put(path)
          .array();
    }
    Address address = Address.parse(text);
    InetAddress host = InetAddress.getByName(address.host());
    boolean four = host instanceof Inet4Address;
    ByteBuffer bytes = ByteBuffer.allocate(four ? 16 : 28);
    bytes.order(ByteOrder.nativeOrder());
    bytes.putShort((short) (four ? Posix.AF_INET : Posix.AF_INET6));
    bytes.order(ByteOrder.BIG_ENDIAN).putShort((short) address.port());
    if (!four) {
      bytes.putInt(0);
    }
    return bytes.put(host.getAddress()).array();
  }
}
