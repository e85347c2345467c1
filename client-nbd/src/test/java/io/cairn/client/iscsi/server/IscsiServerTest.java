package io.cairn.client.iscsi.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.iscsi.Iscsi;
import io.cairn.client.iscsi.Sessions;
import io.cairn.client.iscsi.TargetConnection;
import io.cairn.client.iscsi.Targets;
import io.cairn.client.iscsi.TransferMemory;
import io.cairn.client.nbd.server.MemoryVolume;
import io.cairn.client.scsi.ActivePorts;
import io.cairn.client.scsi.Identity;
import io.cairn.client.scsi.LogicalUnit;
import io.cairn.client.scsi.MemoryReservations;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.transport.NettyPayload;
import io.cairn.storage.transport.SocketKind;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A target in memory, over real sockets. */
class IscsiServerTest {
  private static final String TARGET = "iqn.2026-11.io.cairn:vol";
  private static final int MUTANTS = 10_000;
  private static final int SOCKET_MILLIS = 20_000;

  private final MultiThreadIoEventLoopGroup group =
      new MultiThreadIoEventLoopGroup(1, SocketKind.best().ioHandlers());
  private final TransferMemory memory = new TransferMemory(16 << 20);
  private IscsiServer server;
  private int port;

  @BeforeEach
  void listen() throws IOException {
    Payloads payloads = NettyPayload.allocator(PooledByteBufAllocator.DEFAULT);
    LogicalUnit unit =
        new LogicalUnit(
            new Identity(1, 2, TARGET, 1),
            new MemoryVolume(8 << 20, payloads),
            ActivePorts.ONE,
            new MemoryReservations(),
            payloads,
            512);
    Targets targets =
        new Targets() {
          @Override
          public void list(io.cairn.client.iscsi.Initiator initiator, Listing answer) {
            answer.names(List.of(TARGET), List.of(new OtherPortal("10.0.0.2:3260", 2)));
          }

          @Override
          public int portalGroup() {
            return 1;
          }

          @Override
          public void open(
              String targetName, io.cairn.client.iscsi.Initiator initiator, Opening answer) {
            if (targetName.equals(TARGET)) {
              answer.opened(unit);
            } else {
              answer.refused(Iscsi.LOGIN_NOT_FOUND, "no target " + targetName);
            }
          }

          @Override
          public void close(Opening opening) {}
        };
    server =
        new IscsiServer(
            group.next(),
            new TargetConnection.Portal(
                targets,
                new Sessions(),
                null,
                () -> new byte[TargetConnection.RANDOM_BYTES],
                payloads,
                memory));
    port = server.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)).getPort();
  }

  @AfterEach
  void stop() {
    server.close();
    group.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(5_000);
  }

  /** One PDU as it came. */
  private record Pdu(ByteBuffer header, byte[] data) {
    int opcode() {
      return header.get(0) & 0x3f;
    }
  }

  /** An initiator without manners of its own. */
  private final class Initiator implements AutoCloseable {
    private final Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
    private final DataInputStream in = new DataInputStream(socket.getInputStream());
    private int cmdSn = 1;

    Initiator() throws IOException {
      socket.setSoTimeout(SOCKET_MILLIS);
    }

    void send(byte[] header, byte[] data) throws IOException {
      ByteBuffer bytes = ByteBuffer.allocate(48 + (data.length + 3) / 4 * 4);
      bytes.put(header).put(data);
      bytes.putInt(4, data.length);
      socket.getOutputStream().write(bytes.array());
    }

    /** Sends the beginning of a PDU, and more of it once that has been received. */
    void sendInParts(Initiator other, byte[] header, byte[] data, int beginning, int more)
        throws IOException {
      ByteBuffer bytes = ByteBuffer.allocate(48 + data.length);
      bytes.put(header).put(data);
      bytes.putInt(4, data.length);
      socket.getOutputStream().write(bytes.array(), 0, 48 + beginning);
      other.ping();
      socket.getOutputStream().write(bytes.array(), 48 + beginning, more);
      other.ping();
    }

    /** Has the target's one loop take what others sent before: the first may overtake it. */
    void ping() throws IOException {
      for (int i = 0; i < 2; i++) {
        send(command(0, 0, new byte[6]), new byte[0]);
        assertEquals(0, receive().header.get(3));
      }
    }

    Pdu receive() throws IOException {
      byte[] header = in.readNBytes(48);
      if (header.length < 48) {
        return null;
      }
      int length = ByteBuffer.wrap(header).getInt(4) & 0xffffff;
      byte[] data = in.readNBytes((length + 3) / 4 * 4);
      return new Pdu(ByteBuffer.wrap(header), java.util.Arrays.copyOf(data, length));
    }

    Pdu login(String name, String target) throws IOException {
      String type = target == null ? "SessionType=Discovery\0" : "TargetName=" + target + "\0";
      ByteBuffer header = ByteBuffer.allocate(48).put((byte) 0x43).put((byte) 0x87);
      header.putInt(16, 7).putInt(24, cmdSn);
      String rest = "InitialR2T=No\0MaxRecvDataSegmentLength=8192\0";
      send(header.array(), ("InitiatorName=" + name + "\0" + type + rest).getBytes(UTF_8));
      return receive();
    }

    /** Sends a command; direction is 0x40 to read, 0x20 to write. */
    byte[] command(int direction, int expectedBytes, byte[] cdb) {
      ByteBuffer header = ByteBuffer.allocate(48).put((byte) 1).put((byte) (0x80 | direction));
      header.putInt(16, cmdSn).putInt(20, expectedBytes).putInt(24, cmdSn++);
      header.position(32).put(cdb);
      return header.array();
    }

    /** The unit attention of a new nexus is taken away. */
    Initiator ready(String name) throws IOException {
      assertEquals(0, login(name, TARGET).header.getShort(36));
      send(command(0, 0, new byte[6]), new byte[0]);
      assertEquals(2, receive().header.get(3));
      return this;
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  private static byte[] cdb10(int code, int lba, int blocks) {
    return ByteBuffer.allocate(10)
        .put((byte) code)
        .putInt(2, lba)
        .putShort(7, (short) blocks)
        .array();
  }

  @Test
  void discoveryNamesTargetsWithPortal() throws IOException {
    try (Initiator initiator = new Initiator()) {
      assertEquals(0, initiator.login("iqn.a", null).header.getShort(36));
      ByteBuffer header = ByteBuffer.allocate(48).put((byte) 4).put((byte) 0x80);
      header.putInt(16, 9).putInt(20, -1).putInt(24, 1);
      initiator.send(header.array(), "SendTargets=All\0".getBytes(UTF_8));
      Pdu answer = initiator.receive();
      assertEquals(Iscsi.TEXT_RESPONSE, answer.opcode());
      assertEquals(
          "TargetName="
              + TARGET
              + "\0TargetAddress=127.0.0.1:"
              + port
              + ",1\0TargetAddress=10.0.0.2:3260,2\0",
          new String(answer.data, UTF_8));
    }
  }

  @Test
  void unknownTargetIsRefusedByItsStatus() throws IOException {
    try (Initiator initiator = new Initiator()) {
      assertEquals(
          Iscsi.LOGIN_NOT_FOUND, initiator.login("iqn.a", TARGET + "x").header.getShort(36));
    }
  }

  @Test
  void unalignedWriteIsReadBack() throws IOException {
    byte[] data = new byte[3 * 512];
    new Random(1).nextBytes(data);
    try (Initiator initiator = new Initiator().ready("iqn.a")) {
      initiator.send(initiator.command(0x20, data.length, cdb10(0x2a, 7, 3)), data);
      assertEquals(0, initiator.receive().header.get(3));
      initiator.send(initiator.command(0x40, data.length, cdb10(0x28, 7, 3)), new byte[0]);
      Pdu read = initiator.receive();
      assertEquals(Iscsi.DATA_IN, read.opcode());
      assertEquals((byte) 0x81, read.header.get(1));
      assertArrayEquals(data, read.data);
    }
  }

  /** Immediate data, then what an R2T asks for, then the answer. */
  @ParameterizedTest
  @ValueSource(ints = {1024, 40_000, 65_536})
  void restOfLargeWriteIsAskedFor(int immediate) throws IOException {
    byte[] data = new byte[256 * 512];
    new Random(2).nextBytes(data);
    try (Initiator initiator = new Initiator().ready("iqn.a");
        Initiator other = new Initiator().ready("iqn.b")) {
      byte[] first = java.util.Arrays.copyOf(data, immediate);
      byte[] command = initiator.command(0x20, data.length, cdb10(0x2a, 0, 256));
      initiator.sendInParts(other, command, first, 500, first.length - 500);
      Pdu r2t = initiator.receive();
      assertEquals(Iscsi.R2T, r2t.opcode());
      assertEquals(immediate, r2t.header.getInt(40));
      assertEquals(data.length - immediate, r2t.header.getInt(44));
      ByteBuffer out = ByteBuffer.allocate(48).put((byte) 5).put((byte) 0x80);
      out.putInt(16, r2t.header.getInt(16)).putInt(20, r2t.header.getInt(20));
      out.putInt(40, immediate);
      initiator.send(out.array(), java.util.Arrays.copyOfRange(data, immediate, data.length));
      assertEquals(0, initiator.receive().header.get(3));
      initiator.send(initiator.command(0x40, data.length, cdb10(0x28, 0, 256)), new byte[0]);
      byte[] back = new byte[data.length];
      for (int at = 0; at < back.length; ) {
        Pdu part = initiator.receive();
        assertEquals(at, part.header.getInt(40));
        System.arraycopy(part.data, 0, back, at, part.data.length);
        at += part.data.length;
      }
      assertArrayEquals(data, back);
    }
    assertEquals(0, memory.bytes());
  }

  /** What was set aside for a command that never comes whole is given back. */
  @Test
  void writeThatIsCutOffInItsImmediateDataHoldsNothing() throws IOException {
    try (Initiator other = new Initiator().ready("iqn.b")) {
      try (Initiator initiator = new Initiator().ready("iqn.a")) {
        byte[] command = initiator.command(0x20, 256 * 512, cdb10(0x2a, 0, 256));
        initiator.sendInParts(other, command, new byte[60_000], 500, 40_000);
        assertEquals(256 * 512, memory.bytes());
      }
      while (memory.bytes() > 0) {
        other.ping();
      }
    }
  }

  @Test
  void sameInitiatorPortReinstatesItsSession() throws IOException {
    try (Initiator first = new Initiator().ready("iqn.a");
        Initiator second = new Initiator().ready("iqn.a")) {
      assertEquals(null, first.receive());
      second.send(second.command(0, 0, new byte[6]), new byte[0]);
      assertEquals(0, second.receive().header.get(3));
    }
  }

  /** Every mutant is a PDU of a good session with some bytes changed, in login or behind it. */
  @Test
  void mutatedPdusDisturbNobodyElse() throws IOException {
    Random random = new Random(42);
    try (Initiator witness = new Initiator().ready("iqn.witness")) {
      Initiator victim = null;
      for (int i = 0; i < MUTANTS; i++) {
        if (victim == null) {
          victim = new Initiator();
          if (random.nextInt(4) > 0) {
            victim.login("iqn.mutant", TARGET);
          }
        }
        victim = mutate(victim, random);
        if (i % 500 == 0) {
          witness.send(witness.command(0x40, 512, cdb10(0x28, 1, 1)), new byte[0]);
          Pdu read = witness.receive();
          // A mutant may have reserved the unit, as anybody may: there is an answer all the same.
          assertEquals(witness.cmdSn - 1, read.header.getInt(16), "after mutant " + i);
        }
      }
      if (victim != null) {
        victim.close();
      }
      witness.send(witness.command(0, 0, new byte[6]), new byte[0]);
      assertTrue(witness.receive() != null);
    }
  }

  /** Sends one mutant and drains what is there; null when the connection ended. */
  private Initiator mutate(Initiator victim, Random random) throws IOException {
    byte[] data = new byte[random.nextInt(3) == 0 ? 512 : 0];
    random.nextBytes(data);
    int direction = data.length > 0 ? 0x20 : 0x40;
    byte[] header =
        victim.command(direction, 512, cdb10(data.length > 0 ? 0x2a : 0x28, random.nextInt(99), 1));
    if (random.nextInt(3) == 0) {
      header[0] = (byte) random.nextInt(64);
    }
    for (int changes = random.nextInt(4); changes >= 0; changes--) {
      int at = random.nextInt(48);
      // A length that promises more than comes would only have us wait.
      if (at < 4 || at > 7) {
        header[at] = (byte) random.nextInt();
      }
    }
    if ((header[0] & 0x3f) == Iscsi.TASK_MANAGEMENT) {
      // A reset that happens to be well formed rightly ends what others do.
      header[0] = Iscsi.LOGIN_REQUEST;
    }
    try {
      victim.send(header, data);
      while (victim.in.available() > 0) {
        victim.in.skipNBytes(victim.in.available());
      }
      if (random.nextInt(20) > 0) {
        return victim;
      }
    } catch (IOException e) {
      // It was thrown out, as it should be.
    }
    victim.close();
    return null;
  }
}
