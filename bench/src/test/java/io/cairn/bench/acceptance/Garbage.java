package io.cairn.bench.acceptance;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/** What a port may get that was meant for something else, or for harm. */
final class Garbage {
  private static final int TIMEOUT_MILLIS = 3_000;
  private static final int SILENT_CONNECTIONS = 10;
  private static final int SHORT_BYTES = 4096;

  private Garbage() {}

  /** All kinds. */
  static List<byte[]> kinds() {
    Random random = new Random(42);
    byte[] noise = new byte[64 * 1024];
    random.nextBytes(noise);
    byte[] line = new byte[1 << 20];
    Arrays.fill(line, (byte) 'A');
    System.arraycopy("GET /".getBytes(StandardCharsets.US_ASCII), 0, line, 0, 5);
    return List.of(
        new byte[0],
        new byte[1 << 20],
        noise,
        line,
        "GET /metrics HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII),
        "GET /metrics HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"
            .getBytes(StandardCharsets.US_ASCII),
        "\r\n\r\n\r\n".getBytes(StandardCharsets.US_ASCII),
        // A TLS client's first bytes.
        new byte[] {0x16, 3, 1, 2, 0, 1, 0, 1, (byte) 0xFC, 3, 3},
        // NBD: an option of 4 GiB, then one of a length that its data does not have.
        nbdOption(7, -1, new byte[64]),
        nbdOption(7, 6, new byte[] {0x7F, -1, -1, -1, 0, 0}),
        nbdOption(1, 100_000, new byte[100_000]),
        nbdOption(0x0BAD, 4, new byte[4]),
        // iSCSI: a login of no keys, one longer than may be, and a command before any login.
        ByteBuffer.allocate(48).putInt(0x43870000).array(),
        ByteBuffer.allocate(64).putInt(0x43870000).putInt(0x00ffffff).array(),
        ByteBuffer.allocate(96).putInt(0x01c00000).putInt(20, 512).put(32, (byte) 0x28).array(),
        // Our own frames: the magic, then a header of lies.
        frame(Integer.MAX_VALUE, 64),
        frame(64, Integer.MAX_VALUE),
        frame(-1, -1));
  }

  /** An iSCSI login request that promises more text than ever comes. */
  static byte[] loginWithoutItsData() {
    return ByteBuffer.allocate(60).putInt(0x43870000).putInt(4096).array();
  }

  private static byte[] nbdOption(int option, int length, byte[] data) {
    return ByteBuffer.allocate(4 + 16 + data.length)
        .putInt(3)
        .putLong(0x49484156454f5054L)
        .putInt(option)
        .putInt(length)
        .put(data)
        .array();
  }

  private static byte[] frame(int frameLength, int headerLength) {
    return ByteBuffer.allocate(256)
        .order(java.nio.ByteOrder.LITTLE_ENDIAN)
        .putInt(0x314E5243)
        .putInt(frameLength)
        .putInt(0x00010001)
        .putInt(headerLength)
        .array();
  }

  /** Sends each kind on a connection of its own, reads what comes, and goes away. */
  static void throwAt(int port) {
    for (byte[] bytes : kinds()) {
      try (Socket socket = connect(port)) {
        socket.getOutputStream().write(bytes);
        socket.shutdownOutput();
        socket.getInputStream().readNBytes(4096);
      } catch (IOException closed) {
        // Whoever gets garbage may hang up, at any moment.
        continue;
      }
    }
  }

  /** Connections that say half a word and then nothing. */
  static List<Socket> silent(int port) throws IOException {
    List<Socket> sockets = new ArrayList<>();
    for (int i = 0; i < SILENT_CONNECTIONS; i++) {
      Socket socket = connect(port);
      socket.getOutputStream().write(new byte[] {0x43, 0x52});
      sockets.add(socket);
    }
    return sockets;
  }

  /** So many connections, each with one kind; some are reset, some are ended in good order. */
  static void throwMany(int port, int count) {
    List<byte[]> kinds = new ArrayList<>(kinds());
    // What is long costs this side most, and is the same after its first part.
    kinds.replaceAll(bytes -> Arrays.copyOf(bytes, Math.min(bytes.length, SHORT_BYTES)));
    IntStream.range(0, count)
        .parallel()
        .forEach(
            i -> {
              try (Socket socket = connect(port)) {
                socket.getOutputStream().write(kinds.get(i % kinds.size()));
                // Without its last words: no socket of this side waits for the port's lifetime.
                socket.setSoLinger(true, 0);
                if (i % 3 == 0) {
                  socket.shutdownOutput();
                  socket.getInputStream().readNBytes(64);
                }
              } catch (IOException closed) {
                // Whoever gets garbage may hang up, at any moment.
                return;
              }
            });
  }

  /** Connections that say one of the beginnings each, and then nothing. */
  static List<Socket> silent(int port, List<byte[]> beginnings, int count) throws IOException {
    List<Socket> sockets = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Socket socket = connect(port);
      sockets.add(socket);
      try {
        socket.getOutputStream().write(beginnings.get(i % beginnings.size()));
      } catch (IOException dropped) {
        // By a port that lets go of the silent ones when there are too many.
        continue;
      }
    }
    return sockets;
  }

  /** Whether the other side has ended the connection; what it said before does not matter. */
  static boolean isDropped(Socket socket) {
    try {
      socket.setSoTimeout(1);
      while (socket.getInputStream().read() >= 0) {
        continue;
      }
      return true;
    } catch (SocketTimeoutException silent) {
      return false;
    } catch (IOException reset) {
      return true;
    }
  }

  static void close(List<Socket> sockets) throws IOException {
    for (Socket socket : sockets) {
      socket.close();
    }
  }

  /** The client's flags, and the header of an option of 4 GiB. */
  static byte[] hugeOption() {
    return nbdOption(7, -1, new byte[8]);
  }

  /** The first half of a frame's prefix. */
  static byte[] halfHello() {
    return Arrays.copyOf(frame(64, 64), 6);
  }

  private static Socket connect(int port) throws IOException {
    Socket socket = new Socket();
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), TIMEOUT_MILLIS);
    socket.setSoTimeout(TIMEOUT_MILLIS);
    return socket;
  }
}
