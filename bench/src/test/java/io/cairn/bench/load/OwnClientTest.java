package io.cairn.bench.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.cli.CommandFailure;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The client of paced rows beside a server that answers only when it likes. */
@Timeout(60)
class OwnClientTest {
  private static final int IOPS = 1_000;
  private static final int BLOCK_BYTES = 4096;

  @Test
  void whatShouldHaveBegunWhileTheServerStoodStillIsCountedAsSlow() throws Exception {
    // Whoever waits for an answer before it goes on would never end here.
    int held = 200;
    try (HoldingServer server = new HoldingServer(held, 0);
        OwnClient client = new OwnClient()) {
      client.connect(server.address());
      Served served = client.paced(Row.parse("paced-randwrite-4k-qd1000"), 1 << 20, IOPS, 1);
      // The first is answered after the time of the 200th, and so on: half of them waited for
      // more than a quarter of these 200 ms, by the schedule alone.
      long slow = served.latencies().getCountBetweenValues(50_000_000, Long.MAX_VALUE >> 1);
      assertTrue(slow >= held / 2, slow + " of " + served.ios());
      assertTrue(served.ios() > held, served.toString());
    }
  }

  @Test
  void aRequestThatHasToWaitForTheDepthCountsFromItsTime() throws Exception {
    // Four in flight; the server stands still until the schedule is over.
    int depth = 4;
    try (HoldingServer server = new HoldingServer(depth, 500_000_000L);
        OwnClient client = new OwnClient()) {
      client.connect(server.address());
      Served served = client.paced(Row.parse("paced-randread-4k-qd4"), 1 << 20, IOPS, 1);
      long slow = served.latencies().getCountBetweenValues(100_000_000, Long.MAX_VALUE >> 1);
      // Some 500 were to begin in the half second, some 400 of them more than 100 ms before its
      // end.
      assertTrue(slow > 300, slow + " of " + served.ios());
      assertTrue(served.ios() > 800, served.toString());
    }
  }

  @Test
  void aClosedLoadNeverHasMoreInFlightThanItsDepth() throws Exception {
    try (HoldingServer server = new HoldingServer(3, 0);
        OwnClient client = new OwnClient()) {
      client.connect(server.address());
      Served served = client.closed(Row.parse("randrw70-4k-qd3"), 1 << 20, 1);
      assertTrue(served.ios() > 3, served.toString());
      assertEquals(3, server.mostUnanswered());
    }
  }

  @Test
  void aRefusedRequestIsNoFigure() throws Exception {
    try (HoldingServer server = new HoldingServer(1, 0);
        OwnClient client = new OwnClient()) {
      server.errno = 5;
      client.connect(server.address());
      Assertions.assertThrows(
          CommandFailure.class, () -> client.closed(Row.parse("randread-4k-qd1"), 1 << 20, 1));
    }
  }

  /**
   * An NBD server for one client. It answers nothing until it has so many requests, and until so
   * much time has passed since the first; after that it answers each at once.
   */
  private static final class HoldingServer implements AutoCloseable {
    private final ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    private final int held;
    private final long holdNanos;
    private volatile int mostUnanswered;
    private volatile int errno;

    HoldingServer(int held, long holdNanos) throws IOException {
      this.held = held;
      this.holdNanos = holdNanos;
      Thread.ofPlatform().daemon().start(this::serve);
    }

    NbdAddress address() {
      return new NbdAddress(listener.getLocalPort(), "x");
    }

    int mostUnanswered() {
      return mostUnanswered;
    }

    private void serve() {
      try (Socket socket = listener.accept()) {
        socket.setTcpNoDelay(true);
        DataInputStream in = new DataInputStream(socket.getInputStream());
        greet(socket, in);
        List<byte[]> answers = new ArrayList<>();
        long firstNanos = 0;
        boolean holding = true;
        while (true) {
          byte[] answer = answer(in);
          if (answer == null) {
            return;
          }
          answers.add(answer);
          mostUnanswered = Math.max(mostUnanswered, answers.size());
          firstNanos = firstNanos == 0 ? System.nanoTime() : firstNanos;
          holding = holding && answers.size() < held;
          if (holding) {
            continue;
          }
          while (System.nanoTime() - firstNanos < holdNanos) {
            Thread.onSpinWait();
          }
          for (byte[] each : answers) {
            socket.getOutputStream().write(each);
          }
          answers.clear();
        }
      } catch (IOException e) {
        // The client has gone.
        return;
      }
    }

    private static void greet(Socket socket, DataInputStream in) throws IOException {
      ByteBuffer greeting = ByteBuffer.allocate(18);
      greeting.putLong(0x4e42444d41474943L).putLong(0x49484156454f5054L).putShort((short) 3);
      socket.getOutputStream().write(greeting.array());
      in.readInt();
      in.readLong();
      in.readInt();
      in.readNBytes(in.readInt());
      ByteBuffer reply = ByteBuffer.allocate(20 + 12 + 20);
      reply.putLong(0x0003e889045565a9L).putInt(7).putInt(3).putInt(12);
      reply.putShort((short) 0).putLong(1 << 20).putShort((short) 1);
      reply.putLong(0x0003e889045565a9L).putInt(7).putInt(1).putInt(0);
      socket.getOutputStream().write(reply.array());
    }

    private byte[] answer(DataInputStream in) throws IOException {
      in.readInt();
      in.readShort();
      final int command = in.readShort();
      final long cookie = in.readLong();
      in.readLong();
      int length = in.readInt();
      if (command == 2) {
        return null;
      }
      if (command == 1) {
        in.readNBytes(length);
      }
      ByteBuffer reply = ByteBuffer.allocate(16 + (command == 0 && errno == 0 ? BLOCK_BYTES : 0));
      reply.putInt(0x67446698).putInt(errno).putLong(cookie);
      return reply.array();
    }

    @Override
    public void close() throws IOException {
      listener.close();
    }
  }
}
