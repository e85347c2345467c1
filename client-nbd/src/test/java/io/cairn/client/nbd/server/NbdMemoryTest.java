package io.cairn.client.nbd.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.nbd.Exports;
import io.cairn.client.volume.VolumeIo;
import io.cairn.storage.env.Payload;
import io.cairn.storage.transport.NettyPayload;
import io.cairn.storage.transport.SocketKind;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.util.ResourceLeakDetector;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What clients can make a server hold is bounded, and what they leave is given back. */
class NbdMemoryTest {
  private static final int MIB = 1 << 20;
  private static final int SIZE = 16 * MIB;
  private static final long BYTES_MAX = 8 * MIB;

  private final MultiThreadIoEventLoopGroup group =
      new MultiThreadIoEventLoopGroup(1, SocketKind.best().ioHandlers());
  private final EventLoop loop = group.next();
  private final List<Exports.Opening> open = new CopyOnWriteArrayList<>();
  private final List<VolumeIo.Callback> heldWrites = new ArrayList<>();
  private final List<Socket> sockets = new ArrayList<>();
  private NbdServer server;
  private int port;
  private boolean holdWrites;

  @BeforeEach
  void start() throws IOException {
    ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.PARANOID);
    VolumeIo volume =
        new MemoryVolume(SIZE, NettyPayload.allocator(PooledByteBufAllocator.DEFAULT)) {
          @Override
          public void write(long offsetBytes, Payload payload, boolean fua, Callback done) {
            if (holdWrites) {
              heldWrites.add(done);
            } else {
              super.write(offsetBytes, payload, fua, done);
            }
          }
        };
    server =
        new NbdServer(
            loop,
            new Exports() {
              @Override
              public void list(Listing answer) {
                answer.names(List.of("v"));
              }

              @Override
              public void describe(String name, Description answer) {
                answer.found("v", SIZE);
              }

              @Override
              public void open(String name, Opening answer) {
                open.add(answer);
                answer.opened("v", volume);
              }

              @Override
              public void close(Opening opening) {
                open.remove(opening);
              }
            },
            BYTES_MAX);
    port = server.listen(new InetSocketAddress("127.0.0.1", 0)).getPort();
  }

  @AfterEach
  void stop() throws IOException {
    for (Socket socket : sockets) {
      socket.close();
    }
    server.close();
    group.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
  }

  private long held() throws Exception {
    return loop.submit(server::heldBytes).get();
  }

  private static void await(Callable<Boolean> condition) throws Exception {
    long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
    while (!condition.call()) {
      assertTrue(System.nanoTime() < end, "it did not happen within 20 s");
      Thread.yield();
    }
  }

  private Socket connect() throws IOException {
    Socket socket = new Socket("127.0.0.1", port);
    sockets.add(socket);
    socket.setSoTimeout(20_000);
    socket.setTcpNoDelay(true);
    DataInputStream in = new DataInputStream(socket.getInputStream());
    in.readNBytes(18);
    ByteBuffer hello = ByteBuffer.allocate(4 + 16 + 7);
    hello.putInt(3).putLong(0x49484156454f5054L).putInt(7).putInt(7);
    hello.putInt(1).put((byte) 'v').putShort((short) 0);
    socket.getOutputStream().write(hello.array());
    int type;
    do {
      in.readNBytes(12);
      type = in.readInt();
      in.readNBytes(in.readInt());
    } while (type == 3);
    assertEquals(1, type);
    return socket;
  }

  private static void request(Socket socket, int type, long offset, int length) throws IOException {
    DataOutputStream out = new DataOutputStream(socket.getOutputStream());
    out.write(
        ByteBuffer.allocate(28)
            .putInt(0x25609513)
            .putShort((short) 0)
            .putShort((short) type)
            .putLong(7)
            .putLong(offset)
            .putInt(length)
            .array());
  }

  private static int answer(Socket socket) throws IOException {
    DataInputStream in = new DataInputStream(socket.getInputStream());
    assertEquals(0x67446698, in.readInt());
    int error = in.readInt();
    in.readLong();
    return error;
  }

  @Test
  void aClientThatDoesNotReadItsRepliesGetsNoMoreRequestsIn() throws Exception {
    Socket lazy = connect();
    int requests = 200;
    for (int i = 0; i < requests; i++) {
      request(lazy, 0, 0, MIB);
    }
    await(() -> held() >= 4 * MIB);
    assertTrue(held() <= BYTES_MAX + MIB, "holds " + held());
    Socket other = connect();
    request(other, 0, 0, 4096);
    assertEquals(0, answer(other));
    for (int i = 0; i < requests; i++) {
      assertEquals(0, answer(lazy));
      assertEquals(MIB, lazy.getInputStream().readNBytes(MIB).length);
    }
    await(() -> held() == 0);
  }

  @Test
  void whatHungClientsHoldIsBoundedAndComesBackWhenTheyLeave() throws Exception {
    List<Socket> hung = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      Socket socket = connect();
      request(socket, 1, 0, 2 * MIB);
      socket.getOutputStream().write(new byte[1000]);
      hung.add(socket);
    }
    await(() -> held() == BYTES_MAX);
    Socket waiting = connect();
    request(waiting, 0, 0, MIB);
    request(waiting, 3, 0, 0);
    for (Socket socket : hung) {
      socket.close();
    }
    assertEquals(0, answer(waiting));
    assertEquals(MIB, waiting.getInputStream().readNBytes(MIB).length);
    assertEquals(0, answer(waiting));
    await(() -> held() == 0);
    waiting.close();
    await(() -> open.isEmpty());
  }

  @Test
  void requestsThatTheClusterKeepsWaitingAreBoundedAndGoOnAfterwards() throws Exception {
    loop.submit(() -> holdWrites = true).get();
    Socket writer = connect();
    Thread sender =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    for (int i = 0; i < 30; i++) {
                      request(writer, 1, 0, MIB);
                      writer.getOutputStream().write(new byte[MIB]);
                    }
                  } catch (IOException e) {
                    throw new IllegalStateException(e);
                  }
                });
    await(() -> loop.submit(heldWrites::size).get() == 8);
    assertEquals(BYTES_MAX, held());
    loop.submit(
            () -> {
              holdWrites = false;
              heldWrites.forEach(done -> done.done(null));
            })
        .get();
    for (int i = 0; i < 30; i++) {
      assertEquals(0, answer(writer));
    }
    sender.join();
    await(() -> held() == 0);
  }

  @Test
  void aRequestLargerThanTheBoundIsServedAloneAndEmptyOnesAreServed() throws Exception {
    Socket one = connect();
    request(one, 1, 0, 0);
    assertEquals(0, answer(one));
    request(one, 0, 0, 0);
    assertEquals(0, answer(one));
    request(one, 0, 0, SIZE);
    assertEquals(0, answer(one));
    assertEquals(SIZE, one.getInputStream().readNBytes(SIZE).length);
    await(() -> held() == 0);
  }

  @Test
  void aConnectionWhoseExportIsOverEndsAndIsGivenBack() throws Exception {
    Socket one = connect();
    Exports.Opening opening = open.getFirst();
    loop.submit(opening::over).get();
    assertEquals(-1, one.getInputStream().read());
    Socket other = connect();
    other.close();
    await(() -> open.size() == 1);
  }
}
