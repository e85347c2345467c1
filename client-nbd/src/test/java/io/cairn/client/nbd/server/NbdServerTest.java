package io.cairn.client.nbd.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.listener.ClientListener;
import io.cairn.client.nbd.Exports;
import io.cairn.client.volume.VolumeIo;
import io.cairn.storage.transport.NettyPayload;
import io.cairn.storage.transport.SocketKind;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.util.ResourceLeakDetector;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NbdServerTest {
  private static final int SIZE = 64 << 20;
  private static final int EXPORT_BYTES_MAX = 64 << 20;
  private static final long IHAVEOPT = 0x49484156454f5054L;

  private MultiThreadIoEventLoopGroup group;
  private NbdServer server;
  private InetSocketAddress address;
  private final List<Exports.Opening> closed = new CopyOnWriteArrayList<>();

  @BeforeEach
  void start() throws IOException {
    ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.PARANOID);
    group = new MultiThreadIoEventLoopGroup(1, SocketKind.best().ioHandlers());
    VolumeIo volume =
        new MemoryVolume(SIZE, NettyPayload.allocator(PooledByteBufAllocator.DEFAULT));
    server =
        new NbdServer(
            group.next(),
            new Exports() {
              @Override
              public void list(Listing answer) {
                answer.names(List.of("vol0", "vol1"));
              }

              @Override
              public void describe(String name, Description answer) {
                switch (name) {
                  case "vol0", "" -> answer.found("vol0", SIZE);
                  case "vol1" -> answer.refused("owned by gateway-2");
                  default -> answer.unknown("there is no volume " + name);
                }
              }

              @Override
              public void close(Opening opening) {
                closed.add(opening);
              }

              @Override
              public void open(String name, Opening answer) {
                switch (name) {
                  case "vol0", "" -> answer.opened("vol0", volume);
                  case "vol1" -> answer.refused("owned by gateway-2");
                  default -> answer.unknown("there is no volume " + name);
                }
              }
            },
            EXPORT_BYTES_MAX);
    address = server.listen(new InetSocketAddress("127.0.0.1", 0));
  }

  @AfterEach
  void stop() {
    server.close();
    group.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
  }

  @Test
  void anUnknownExportAnOddOptionAndABadLengthAreRefusedAndTheConnectionLivesOn()
      throws IOException {
    try (Client client = new Client()) {
      assertEquals(0x80000006, client.option(7, go("nope")));
      assertEquals(0x80000002, client.option(7, go("vol1")));
      assertEquals(0x80000001, client.option(5, new byte[0]));
      assertEquals(0x80000001, client.option(11, new byte[0]));
      assertEquals(0x80000003, client.option(7, new byte[] {0, 0, 0, 9, 0}));
      assertEquals(0x80000003, client.option(8, new byte[4]));
      assertEquals(0x80000003, client.option(10, go("vol0")));
      assertEquals(0x80000009, client.option(7, new byte[100_000]));
      assertEquals(1, client.option(7, go("vol0")));
    }
  }

  @Test
  void silentHandshakesGiveWayAndClientsThatTransmitStay() throws IOException {
    List<Socket> silent = new ArrayList<>();
    try (Client client = new Client()) {
      assertEquals(1, client.option(7, go("vol0")));
      for (int i = 0; i < ClientListener.NEWCOMERS_MAX; i++) {
        Socket socket = new Socket(address.getAddress(), address.getPort());
        silent.add(socket);
        // The greeting: the server has seen the connection.
        assertEquals(18, socket.getInputStream().readNBytes(18).length);
      }
      try (Client late = new Client()) {
        assertEquals(1, late.option(7, go("vol0")));
      }
      assertEquals(-1, silent.getFirst().getInputStream().read());
      assertEquals(0, client.request(0, 3, 0, 0, null));
    } finally {
      for (Socket socket : silent) {
        socket.close();
      }
    }
  }

  @Test
  void requestsOutOfRangeFailAsTheProtocolSaysAndTheNextOneWorks() throws IOException {
    try (Client client = new Client()) {
      client.option(7, go("vol0"));
      assertEquals(22, client.request(0, 0, SIZE, 1, null));
      assertEquals(28, client.request(0, 1, SIZE - 1, 2, new byte[2]));
      assertEquals(28, client.request(0, 6, SIZE, 1, null));
      assertEquals(22, client.request(0, 4, -1, 1, null));
      assertEquals(22, client.request(0, 99, 0, 1, null));
      assertEquals(22, client.request(1 << 9, 0, 0, 1, null));
      assertEquals(22, client.request(0, 0, 0, (32 << 20) + 1, null));
      assertEquals(22, client.request(0, 7, 0, 4096, null));
      assertEquals(22, client.request(0, 1, 0, (32 << 20) + 1, new byte[(32 << 20) + 1]));
      assertEquals(0, client.request(1, 1, 4095, 3, new byte[] {1, 2, 3}));
      assertEquals(0, client.request(0, 0, 4095, 3, null));
      assertArrayEquals(new byte[] {1, 2, 3}, client.in.readNBytes(3));
      assertEquals(0, client.request(0, 3, 0, 0, null));
    }
  }

  @Test
  void bytesMayComeOneAtATime() throws IOException {
    try (Client client = new Client()) {
      client.oneByOne = true;
      assertEquals(1, client.option(7, go("vol0")));
      assertEquals(0, client.request(0, 1, 0, 5, new byte[] {9, 8, 7, 6, 5}));
      assertEquals(0, client.request(0, 0, 0, 5, null));
      assertArrayEquals(new byte[] {9, 8, 7, 6, 5}, client.in.readNBytes(5));
    }
  }

  @Test
  void tenThousandMutatedConversationsHurtNobody() throws IOException {
    Random random = new Random(4);
    try (Client witness = new Client()) {
      witness.option(7, go("vol0"));
      for (int round = 0; round < 200; round++) {
        try (Client client = new Client()) {
          for (int i = 0; i < 50; i++) {
            byte[] message = conversation(random);
            for (int flips = random.nextInt(4); flips > 0; flips--) {
              message[random.nextInt(message.length)] ^= (byte) (1 << random.nextInt(8));
            }
            client.out.write(message);
          }
          client.out.flush();
        } catch (IOException e) {
          // The server ended a connection that it could make no sense of.
          assertTrue(e.getMessage() != null);
        }
        assertEquals(0, witness.request(0, 1, 0, 1, new byte[] {1}));
      }
    }
  }

  private static byte[] conversation(Random random) throws IOException {
    java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    if (random.nextBoolean()) {
      byte[] data = go("vol" + random.nextInt(3));
      out.writeLong(IHAVEOPT);
      out.writeInt(random.nextInt(12));
      out.writeInt(data.length);
      out.write(data);
    } else {
      int length = random.nextInt(64);
      out.writeInt(0x25609513);
      out.writeShort(random.nextInt(4));
      out.writeShort(random.nextInt(9));
      out.writeLong(random.nextLong());
      out.writeLong(random.nextInt(SIZE));
      out.writeInt(length);
      out.write(new byte[length]);
    }
    return bytes.toByteArray();
  }

  @Test
  void nbdinfoSeesTheExport() throws Exception {
    String text = run("nbdinfo", "nbdinfo", uri());
    assertTrue(text.contains("export-size: " + SIZE), text);
    assertTrue(text.contains("base:allocation"), text);
    assertTrue(text.contains("can_multi_conn: true"), text);
  }

  @Test
  void nbdcopyBringsAFileInAndOutUnchanged(@TempDir Path directory) throws Exception {
    byte[] bytes = new byte[SIZE];
    new Random(5).nextBytes(bytes);
    Path in = Files.write(directory.resolve("in"), bytes);
    Path out = directory.resolve("out");
    run("nbdcopy", "nbdcopy", in.toString(), uri());
    run("nbdcopy", "nbdcopy", uri(), out.toString());
    assertEquals(-1, Files.mismatch(in, out));
  }

  @Test
  void qemuIoWritesZeroesTrimsAndReadsPatterns() throws Exception {
    String text =
        run(
            "qemu-io",
            "qemu-io",
            "-f",
            "raw",
            "-c",
            "write -P 0x5a 1000 70000",
            "-c",
            "read -P 0x5a 1000 70000",
            "-c",
            "write -z 4096 8192",
            "-c",
            "read -P 0 4096 8192",
            "-c",
            "discard 0 1M",
            "-c",
            "read -P 0 0 1M",
            "-c",
            "flush",
            uri());
    assertTrue(!text.contains("failed"), text);
  }

  private String uri() {
    return "nbd://127.0.0.1:" + address.getPort() + "/vol0";
  }

  private static String run(String tool, String... command) throws Exception {
    Assumptions.assumeTrue(onPath(tool), tool + " is not installed");
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), text);
    return text;
  }

  private static boolean onPath(String tool) {
    for (String directory : System.getenv("PATH").split(":")) {
      if (Files.isExecutable(Path.of(directory, tool))) {
        return true;
      }
    }
    return false;
  }

  private static byte[] go(String name) {
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    return java.nio.ByteBuffer.allocate(6 + bytes.length)
        .putInt(bytes.length)
        .put(bytes)
        .putShort((short) 0)
        .array();
  }

  /** As much of a client as the tests need. */
  private final class Client implements AutoCloseable {
    private final Socket socket;
    private final DataInputStream in;
    private final DataOutputStream out;
    private boolean oneByOne;

    Client() throws IOException {
      socket = new Socket(address.getAddress(), address.getPort());
      socket.setTcpNoDelay(true);
      socket.setSoTimeout(20_000);
      in = new DataInputStream(socket.getInputStream());
      out = new DataOutputStream(new java.io.BufferedOutputStream(socket.getOutputStream()));
      assertEquals(0x4e42444d41474943L, in.readLong());
      assertEquals(IHAVEOPT, in.readLong());
      assertEquals(3, in.readUnsignedShort());
      out.writeInt(3);
    }

    int option(int option, byte[] data) throws IOException {
      java.nio.ByteBuffer message = java.nio.ByteBuffer.allocate(16 + data.length);
      message.putLong(IHAVEOPT).putInt(option).putInt(data.length).put(data);
      send(message.array());
      while (true) {
        assertEquals(0x3e889045565a9L, in.readLong());
        assertEquals(option, in.readInt());
        int type = in.readInt();
        in.readNBytes(in.readInt());
        if (type != 3) {
          return type;
        }
      }
    }

    int request(int flags, int type, long offset, long length, byte[] payload) throws IOException {
      int payloadLength = payload == null ? 0 : payload.length;
      java.nio.ByteBuffer message = java.nio.ByteBuffer.allocate(28 + payloadLength);
      message.putInt(0x25609513).putShort((short) flags).putShort((short) type);
      message.putLong(77).putLong(offset).putInt((int) length);
      if (payload != null) {
        message.put(payload);
      }
      send(message.array());
      try {
        assertEquals(0x67446698, in.readInt());
      } catch (SocketTimeoutException | EOFException e) {
        throw new IOException("no answer to request type " + type, e);
      }
      int error = in.readInt();
      assertEquals(77, in.readLong());
      return error;
    }

    private void send(byte[] bytes) throws IOException {
      if (!oneByOne) {
        out.write(bytes);
        out.flush();
        return;
      }
      for (byte b : bytes) {
        out.write(b);
        out.flush();
      }
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }
}
