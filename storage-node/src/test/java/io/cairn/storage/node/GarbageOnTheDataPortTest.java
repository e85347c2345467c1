package io.cairn.storage.node;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.transport.NettyPayload;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Request;
import io.cairn.storage.wire.Status;
import io.cairn.storage.wire.Version;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.Socket;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/**
 * Ten thousand connections that send what they should not, against a node on real files and
 * sockets: it serves on, and holds nothing of them afterwards.
 */
class GarbageOnTheDataPortTest extends NodeTestBase {
  private static final int BLOCKS = 1024;
  private static final int CONNECTIONS = 10_000;
  private static final int AT_ONCE = 32;
  private static final long GROWTH_BYTES_MAX = 16 << 20;

  /** The working caller's sequences stay far below: no mutated write continues them by accident. */
  private static final long FAR_SEQUENCE = 1L << 30;

  /** Encodes for one thread. */
  private static final class Sender {
    private final Random random;
    private final Request request = new Request(CLUSTER);
    private final Crc32c crc = new Crc32c();
    private final UnsafeBuffer buffer = new UnsafeBuffer(new byte[Frame.HEADER_BYTES_MAX]);

    Sender(long seed) {
      random = new Random(seed);
    }

    byte[] bytes() {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      switch (random.nextInt(8)) {
        case 0 -> {}
        case 1 -> out.writeBytes(garbage(random.nextInt(20_000)));
        case 2 -> out.writeBytes(Arrays.copyOf(hello(), random.nextInt(Request.HELLO_BYTES)));
        case 3 -> out.writeBytes(mutated(hello()));
        case 4 -> {
          out.writeBytes(hello());
          out.writeBytes(garbage(random.nextInt(100_000)));
        }
        case 5 -> {
          out.writeBytes(hello());
          byte[] write = write(1 + random.nextInt(256));
          out.writeBytes(Arrays.copyOf(write, random.nextInt(write.length)));
        }
        case 6 -> {
          out.writeBytes(hello());
          byte[] frame = frame();
          frame[random.nextInt(frame.length)] ^= (byte) (1 << random.nextInt(8));
          out.writeBytes(frame);
        }
        default -> {
          out.writeBytes(hello());
          for (int i = random.nextInt(20); i > 0; i--) {
            out.writeBytes(mutated(frame()));
          }
        }
      }
      return out.toByteArray();
    }

    private byte[] garbage(int length) {
      byte[] bytes = new byte[length];
      random.nextBytes(bytes);
      return bytes;
    }

    private byte[] hello() {
      return header(request.hello(buffer, 0, 1, 1, random.nextLong(), 1, 0, 1 + random.nextInt(2)));
    }

    private byte[] header(int length) {
      return Arrays.copyOf(buffer.byteArray(), length);
    }

    private byte[] write(int count) {
      for (int i = 0; i < count; i++) {
        Request.putCrc(buffer, 0, i, random.nextInt());
      }
      byte[] header =
          header(
              request.write(
                  buffer,
                  0,
                  random.nextInt(4),
                  2,
                  1,
                  ShardCaller.VOLUME,
                  0,
                  ShardCaller.INDEX,
                  ShardCaller.GENERATION,
                  Version.of(ShardCaller.GENERATION, FAR_SEQUENCE),
                  0,
                  count));
      byte[] frame = Arrays.copyOf(header, header.length + count * Frame.BLOCK_BYTES);
      return frame;
    }

    private byte[] frame() {
      long volume = ShardCaller.VOLUME;
      long generation = ShardCaller.GENERATION;
      return switch (random.nextInt(6)) {
        case 0 -> header(request.bare(buffer, 0, MessageType.OPEN, 2, 1, volume, 0, 0, generation));
        case 1 -> header(request.bare(buffer, 0, MessageType.PING, 2, 1, volume, 0, 0, generation));
        case 2 -> header(request.sync(buffer, 0, 2, 1, random.nextLong()));
        case 3 ->
            header(
                request.range(
                    buffer,
                    0,
                    MessageType.READ,
                    random.nextInt(16),
                    2,
                    1,
                    volume,
                    0,
                    0,
                    generation,
                    random.nextInt(BLOCKS),
                    1 + random.nextInt(256),
                    0));
        case 4 ->
            header(
                request.range(
                    buffer,
                    0,
                    MessageType.VERSIONS,
                    0,
                    2,
                    1,
                    volume,
                    0,
                    0,
                    generation,
                    random.nextInt(BLOCKS),
                    1 + random.nextInt(1024),
                    random.nextLong()));
        default -> write(1 + random.nextInt(4));
      };
    }

    /** Some bytes of the header are others, but its checksum holds. */
    private byte[] mutated(byte[] frame) {
      byte[] bent = frame.clone();
      UnsafeBuffer header = new UnsafeBuffer(bent);
      int length = Frame.headerLength(header, 0);
      int total = Frame.frameLength(header, 0);
      int type = Frame.type(header, 0);
      for (int i = random.nextInt(4); i >= 0; i--) {
        int at = 16 + random.nextInt(length - 16);
        bent[at] = (byte) random.nextInt();
      }
      if (random.nextInt(4) == 0) {
        // Another type with the same fields; but none that takes the chunk from its owner.
        int other = random.nextInt(40);
        type = other == MessageType.FENCE || other == MessageType.CATCH_UP ? 0 : other;
      }
      header.putShort(8, (short) type, java.nio.ByteOrder.LITTLE_ENDIAN);
      Frame.seal(header, 0, length, total - length, crc);
      return bent;
    }
  }

  private void attack(StorageNode node, int first, int count) throws Exception {
    Semaphore slots = new Semaphore(AT_ONCE);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = first; i < first + count; i++) {
        int seed = i;
        slots.acquire();
        var unused =
            threads.submit(
                () -> {
                  try {
                    connect(node, seed);
                  } finally {
                    slots.release();
                  }
                });
      }
    }
  }

  private static void connect(StorageNode node, int seed) {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), node.address().getPort())) {
      // Half of them reset, so that ports are free again at once.
      socket.setSoLinger(seed % 2 == 0, 0);
      socket.getOutputStream().write(new Sender(seed).bytes());
      if (seed % 4 == 0) {
        socket.setSoTimeout(50);
        socket.getInputStream().read();
      }
    } catch (IOException e) {
      // Cut off: as it should be.
    }
  }

  private static long usedBytes() {
    long direct = NettyPayload.POOL.pinnedDirectMemory();
    System.gc();
    return direct + ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }

  @Test
  void theNodeServesOnAndHoldsNothing() throws Exception {
    initCluster();
    StorageNode node =
        StorageNode.start(
            plan("a", Map.of("journal.size", "16MiB", "journal.segment", "4MiB")),
            DeviceStores::open,
            metadata::connect);
    nodes.add(node);
    ShardCaller.await(node.serving().toCompletableFuture());
    ShardCaller caller = caller(node, 1).ready(BLOCKS);
    attack(node, 0, CONNECTIONS / 5);
    awaitOneConnection(node);
    long before = usedBytes();
    for (int round = 1; round < 5; round++) {
      byte[] data = bytes(4, round);
      assertEquals(Status.OK, ShardCaller.await(caller.write(round, 8 * round, data, 0)).status());
      attack(node, round * CONNECTIONS / 5, CONNECTIONS / 5);
      assertArrayEquals(data, ShardCaller.await(caller.read(8 * round, 4)).payload());
    }
    awaitOneConnection(node);
    long growth = usedBytes() - before;
    assertTrue(growth < GROWTH_BYTES_MAX, "grew by " + growth + " bytes");
    String page = get(node, "/metrics", 200);
    assertTrue(metric(page, "cairn_storage_greetings_bad_total") > CONNECTIONS / 4);
    assertTrue(metric(page, "cairn_storage_connections_accepted_total") > CONNECTIONS);
    get(node, "/readyz", 200);
    assertEquals(Status.OK, caller.bare(MessageType.PING).status());
  }

  /**
   * Asks for ten gigabytes and reads none of it: neither what the device delivers nor what was
   * asked for may pile up, and others are served meanwhile.
   */
  @Test
  void whoAsksForMuchAndReadsNothingCostsLittle() throws Exception {
    initCluster();
    StorageNode node =
        StorageNode.start(
            plan("a", Map.of("journal.size", "16MiB", "journal.segment", "4MiB")),
            DeviceStores::open,
            metadata::connect);
    nodes.add(node);
    ShardCaller.await(node.serving().toCompletableFuture());
    ShardCaller caller = caller(node, 1).ready(BLOCKS);
    for (int i = 1; i <= 16; i++) {
      byte[] data = bytes(64, i);
      assertEquals(Status.OK, ShardCaller.await(caller.write(i, 64 * (i - 1), data, 0)).status());
    }
    long before = usedBytes();
    Sender sender = new Sender(1);
    Socket deaf = new Socket(InetAddress.getLoopbackAddress(), node.address().getPort());
    try {
      deaf.getOutputStream().write(sender.hello());
      byte[] read =
          sender.header(
              sender.request.range(
                  sender.buffer,
                  0,
                  MessageType.READ,
                  0,
                  2,
                  1,
                  ShardCaller.VOLUME,
                  0,
                  0,
                  ShardCaller.GENERATION,
                  0,
                  256,
                  0));
      Thread asking =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      for (int i = 0; i < 10_000; i++) {
                        deaf.getOutputStream().write(read);
                      }
                    } catch (IOException e) {
                      // The node gave it up, or the test ended.
                    }
                  });
      for (int i = 0; i < 200; i++) {
        assertArrayEquals(bytes(64, 3), ShardCaller.await(caller.read(128, 64)).payload());
      }
      long growth = usedBytes() - before;
      assertTrue(growth < 4 * GROWTH_BYTES_MAX, "grew by " + growth + " bytes");
      deaf.close();
      asking.join();
    } finally {
      deaf.close();
    }
    awaitOneConnection(node);
  }

  private void awaitOneConnection(StorageNode node) {
    await(
        () -> {
          try {
            return metric(get(node, "/metrics", 200), "cairn_storage_connections ") == 1;
          } catch (Exception e) {
            throw new AssertionError(e);
          }
        },
        "only the working connection is left");
  }
}
