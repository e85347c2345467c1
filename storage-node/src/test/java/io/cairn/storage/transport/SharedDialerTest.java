package io.cairn.storage.transport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Request;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Links that share connections, over real sockets of this machine. */
class SharedDialerTest {
  private static final LinkLimits LIMITS = new LinkLimits(2_000, 2_000, 64, 256 << 10, 8L << 20);
  private static final int CONNECTIONS = SharedDialer.OWN_MAX + SharedDialer.SHARED_MAX;

  private final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(true);
  private final MultiThreadIoEventLoopGroup group =
      new MultiThreadIoEventLoopGroup(2, SocketKind.best().ioHandlers());
  private final EventLoop serverLoop = group.next();
  private final EventLoop clientLoop = group.next();
  private final int slabsBefore = LoopMemory.slabsInUse();
  private final List<Echo> echoes = new ArrayList<>();
  private LinkServer server;
  private LinkClient client;
  private SharedDialer dialer;

  /** Sends each frame back, and counts them; on the server's loop. */
  private static final class Echo implements Dialer.Handler {
    Link link;
    long clientId;
    volatile int frames;
    volatile int closed;
    volatile boolean answers = true;
    volatile boolean takes = true;
    volatile RuntimeException fails;

    @Override
    public void onOpen(Link opened, long nowNanos) {
      link = opened;
    }

    @Override
    public void onFrame(DirectBuffer header, int offset, int length, Payload payload, long now) {
      if (clientId == 0) {
        assertEquals(MessageType.HELLO, Frame.type(header, offset), "what a link begins with");
        clientId = Request.helloClient(header, offset);
      }
      frames++;
      if (fails != null) {
        throw fails;
      }
      if (answers) {
        link.send(header, offset, length, payload);
      }
    }

    @Override
    public boolean takesMore() {
      return takes;
    }

    @Override
    public void onClosed(long nowNanos) {
      closed++;
    }
  }

  /** One volume's end. */
  private final class Volume implements Dialer.Handler {
    final long clientId;
    final BlockingQueue<Long> answers = new LinkedBlockingQueue<>();
    volatile Link link;
    volatile int closed;
    volatile int refused;

    /** Whether it is told of the close from within a call of its own. */
    boolean calling;

    Volume(long clientId) {
      this.clientId = clientId;
    }

    @Override
    public void onOpen(Link opened, long nowNanos) {
      link = opened;
      UnsafeBuffer hello = new UnsafeBuffer(new byte[Request.HELLO_BYTES]);
      int length = new Request(7).hello(hello, 0, 1, 1, clientId, 1, 0, Request.ROLE_GATEWAY);
      opened.send(hello, 0, length, null);
    }

    @Override
    public void onFrame(DirectBuffer header, int offset, int length, Payload payload, long now) {
      assertTrue(link.isOpen(), "a frame after the close");
      answers.add(Frame.requestId(header, offset));
    }

    @Override
    public void onRefused(long nowNanos) {
      refused++;
    }

    @Override
    public void onClosed(long nowNanos) {
      assertFalse(calling);
      closed++;
    }

    Volume dial() {
      clientLoop.execute(
          () -> {
            calling = true;
            dialer.connect("127.0.0.1", server.address().getPort(), 0, this);
            calling = false;
          });
      return this;
    }

    Volume greeted() throws InterruptedException {
      assertEquals(1L, answers.poll(10, TimeUnit.SECONDS), "the answer to its HELLO");
      return this;
    }

    void send(byte[] frame) {
      clientLoop.execute(
          () -> {
            UnsafeBuffer bytes = new UnsafeBuffer(frame);
            int headerLength = Frame.headerLength(bytes, 0);
            int rest = frame.length - headerLength;
            Payloads.Writable payload = null;
            if (rest > 0) {
              payload = NettyPayload.allocator(allocator).allocate(rest);
              payload.mutable().putBytes(0, frame, headerLength, rest);
            }
            link.send(bytes, 0, headerLength, payload);
            if (payload != null) {
              payload.release();
            }
          });
    }

    void close() throws InterruptedException {
      clientLoop
          .submit(
              () -> {
                calling = true;
                link.close();
                link.close();
                calling = false;
              })
          .sync();
    }
  }

  private void start(LocalPeers peers) throws IOException {
    LinkServer.Shard shard =
        new LinkServer.Shard() {
          @Override
          public EventLoop loop() {
            return serverLoop;
          }

          @Override
          public Dialer.Handler accept() {
            Echo echo = new Echo();
            synchronized (echoes) {
              echoes.add(echo);
            }
            return echo;
          }
        };
    server =
        LinkServer.listen(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            serverLoop,
            LIMITS,
            allocator);
    server.serve(List.of(shard));
    server.listenLocally("127.0.0.1", server.address().getPort());
    connect(peers);
  }

  private void connect(LocalPeers peers) {
    client = new LinkClient(clientLoop, peers, LIMITS, allocator);
    dialer = new SharedDialer(client, clientLoop);
  }

  @AfterEach
  void everythingIsGivenBack() {
    client.close();
    if (server != null) {
      server.close();
      await(() -> server.connections() == 0, "connections are closed");
    }
    group.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly();
    assertEquals(0, allocator.metric().usedDirectMemory(), "bytes that leaked");
    assertTrue(LoopMemory.slabsInUse() <= slabsBefore, "slabs that leaked");
    for (Echo echo : echoes) {
      assertEquals(1, echo.closed, "an accepted link hears of its close once");
    }
  }

  private static void await(BooleanSupplier condition, String what) {
    long deadline = System.nanoTime() + 10_000_000_000L;
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < deadline, "in vain awaited: " + what);
      Thread.onSpinWait();
    }
  }

  private List<Volume> volumes(int count) throws InterruptedException {
    List<Volume> volumes = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      volumes.add(new Volume(100 + i).dial());
    }
    for (Volume volume : volumes) {
      volume.greeted();
    }
    return volumes;
  }

  private Echo echoOf(Volume volume) {
    synchronized (echoes) {
      return echoes.stream()
          .filter(echo -> echo.clientId == volume.clientId && echo.closed == 0)
          .findFirst()
          .orElseThrow();
    }
  }

  @ParameterizedTest
  @EnumSource(LocalPeers.class)
  void eachLinkHasItsOwnFramesInTheirOrder(LocalPeers peers) throws Exception {
    start(peers);
    List<Volume> volumes = volumes(20);
    assertEquals(CONNECTIONS, server.connections());
    Random random = new Random(3);
    Map<Volume, List<Long>> sent = new HashMap<>();
    for (int i = 2; i < 2_000; i++) {
      Volume volume = volumes.get(random.nextInt(volumes.size()));
      int blocks = random.nextInt(8) == 0 ? 256 : random.nextInt(3);
      volume.send(blocks == 0 ? FrameDecoderTest.ping(i) : FrameDecoderTest.write(blocks, i));
      sent.computeIfAbsent(volume, v -> new ArrayList<>()).add((long) i);
      if (i % 50 == 0) {
        for (Map.Entry<Volume, List<Long>> its : sent.entrySet()) {
          for (long id : its.getValue()) {
            assertEquals(id, its.getKey().answers.poll(10, TimeUnit.SECONDS));
          }
        }
        sent.clear();
      }
    }
  }

  @Test
  void whoClosesHearsOfItAfterwardsAndTheOthersGoOn() throws Exception {
    start(LocalPeers.BY_TCP);
    List<Volume> volumes = volumes(CONNECTIONS + 4);
    for (Volume volume : volumes) {
      Echo echo = echoOf(volume);
      for (int i = 2; i < 20; i++) {
        volume.send(FrameDecoderTest.ping(i));
      }
      volume.close();
      await(() -> volume.closed == 1, "it hears of it");
      await(() -> echo.closed == 1, "the other end hears of it");
      assertEquals(19, echo.frames, "what was sent before the close has arrived");
    }
    await(() -> server.connections() == 0, "a connection that nobody uses is closed");
    // The same numbers again, on new connections.
    volumes(3);
  }

  @Test
  void aLinkThatTheServerClosesEndsAlone() throws Exception {
    start(LocalPeers.BY_TCP);
    List<Volume> volumes = volumes(CONNECTIONS + 2);
    Volume last = volumes.getLast();
    Echo echo = echoOf(last);
    serverLoop.execute(echo.link::close);
    await(() -> last.closed == 1 && echo.closed == 1, "both ends hear of it");
    assertFalse(last.link.isOpen());
    for (Volume volume : volumes.subList(0, volumes.size() - 1)) {
      volume.send(FrameDecoderTest.ping(2));
      assertEquals(2L, volume.answers.poll(10, TimeUnit.SECONDS));
    }
    last.dial().greeted();
    assertEquals(CONNECTIONS, server.connections());
  }

  @Test
  void whoFailsAtTheServerEndsAlone() throws Exception {
    start(LocalPeers.BY_TCP);
    List<Volume> volumes = volumes(CONNECTIONS + 2);
    Volume last = volumes.getLast();
    echoOf(last).fails = new IllegalStateException("for the log");
    last.send(FrameDecoderTest.ping(2));
    await(() -> last.closed == 1, "it is told");
    for (Volume volume : volumes.subList(0, volumes.size() - 1)) {
      volume.send(FrameDecoderTest.ping(2));
      assertEquals(2L, volume.answers.poll(10, TimeUnit.SECONDS));
    }
  }

  @Test
  void allHearOfALostConnectionOnce() throws Exception {
    start(LocalPeers.BY_TCP);
    List<Volume> volumes = volumes(CONNECTIONS + 4);
    server.close();
    for (Volume volume : volumes) {
      await(() -> volume.closed == 1, "it is told");
    }
    List<Volume> refused = new ArrayList<>();
    for (int i = 0; i < CONNECTIONS + 2; i++) {
      refused.add(new Volume(200 + i).dial());
    }
    for (Volume volume : refused) {
      await(() -> volume.refused == 1, "nobody listens any more");
      assertEquals(0, volume.closed);
      assertNull(volume.link);
    }
  }

  @Test
  void whoTakesNoMoreHoldsUpItsConnectionUntilItDoes() throws Exception {
    start(LocalPeers.BY_TCP);
    List<Volume> volumes = volumes(CONNECTIONS + 2);
    Volume first = volumes.get(SharedDialer.OWN_MAX);
    Volume beside = volumes.get(CONNECTIONS + (CONNECTIONS - SharedDialer.OWN_MAX) % 2);
    Echo full = echoOf(first);
    full.takes = false;
    first.send(FrameDecoderTest.ping(2));
    assertEquals(2L, first.answers.poll(10, TimeUnit.SECONDS), "the one that it took");
    first.send(FrameDecoderTest.ping(3));
    beside.send(FrameDecoderTest.ping(3));
    volumes.getFirst().send(FrameDecoderTest.ping(3));
    assertEquals(3L, volumes.getFirst().answers.poll(10, TimeUnit.SECONDS), "another connection");
    assertNull(first.answers.poll(100, TimeUnit.MILLISECONDS));
    assertNull(beside.answers.poll());
    serverLoop.execute(
        () -> {
          full.takes = true;
          full.link.resume();
        });
    assertEquals(3L, first.answers.poll(10, TimeUnit.SECONDS));
    assertEquals(3L, beside.answers.poll(10, TimeUnit.SECONDS));
    // One that is closed holds nobody up.
    full.takes = false;
    first.send(FrameDecoderTest.ping(4));
    assertEquals(4L, first.answers.poll(10, TimeUnit.SECONDS));
    beside.send(FrameDecoderTest.ping(5));
    assertNull(beside.answers.poll(100, TimeUnit.MILLISECONDS));
    serverLoop.execute(full.link::close);
    assertEquals(5L, beside.answers.poll(10, TimeUnit.SECONDS));
  }

  @Test
  void aPayloadIsLentUntilItsAnswerOrTheEndOfItsLink() throws Exception {
    start(LocalPeers.LENDING);
    List<Volume> volumes = volumes(CONNECTIONS + 1);
    // These two share a connection, and use the same ids.
    Volume first = volumes.get(SharedDialer.OWN_MAX);
    Volume last = volumes.getLast();
    Echo echo = echoOf(first);
    Echo lastEcho = echoOf(last);
    echo.answers = false;
    lastEcho.answers = false;
    int slabs = LoopMemory.slabsInUse();
    first.send(FrameDecoderTest.write(256, 2));
    await(() -> echo.frames == 2, "the payload comes");
    last.send(FrameDecoderTest.write(256, 2));
    await(() -> lastEcho.frames == 2, "the other's, too");
    int lent = LoopMemory.slabsInUse();
    assertTrue(lent > slabs, "both are lent");
    byte[] answer = FrameDecoderTest.ping(2);
    serverLoop.execute(() -> lastEcho.link.send(new UnsafeBuffer(answer), 0, answer.length, null));
    assertEquals(2L, last.answers.poll(10, TimeUnit.SECONDS));
    await(() -> LoopMemory.slabsInUse() < lent, "what was answered is given back");
    int left = LoopMemory.slabsInUse();
    assertTrue(left > slabs, "the other's is lent still");
    first.close();
    await(() -> LoopMemory.slabsInUse() < left, "what is not answered too, with its link");
  }

  @Test
  void aServerThatKnowsNoStreamsGetsAConnectionForEachLink() throws Exception {
    try (ServerSocket old = new ServerSocket(0, 16, InetAddress.getLoopbackAddress())) {
      List<Socket> sockets = new ArrayList<>();
      Thread acceptor =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      while (true) {
                        Socket socket = old.accept();
                        synchronized (sockets) {
                          sockets.add(socket);
                        }
                        Thread.ofVirtual().start(() -> answerAsBefore(socket));
                      }
                    } catch (IOException e) {
                      // The test is over.
                    }
                  });
      connect(LocalPeers.BY_TCP);
      List<Volume> volumes = new ArrayList<>();
      for (int i = 0; i < CONNECTIONS + 4; i++) {
        Volume volume = new Volume(100 + i);
        clientLoop.execute(() -> dialer.connect("127.0.0.1", old.getLocalPort(), 0, volume));
        volumes.add(volume);
      }
      for (Volume volume : volumes) {
        volume.greeted().send(FrameDecoderTest.ping(2));
        assertEquals(2L, volume.answers.poll(10, TimeUnit.SECONDS));
      }
      synchronized (sockets) {
        assertEquals(volumes.size(), sockets.size());
      }
      // The one that asked closes its connection; the others do not hear of it.
      Volume asked = volumes.get(SharedDialer.OWN_MAX);
      asked.close();
      await(() -> asked.closed == 1, "it hears of it");
      volumes.getLast().send(FrameDecoderTest.ping(3));
      assertEquals(3L, volumes.getLast().answers.poll(10, TimeUnit.SECONDS));
      for (Volume volume : volumes) {
        assertEquals(volume == asked ? 1 : 0, volume.closed);
      }
      assertNotNull(acceptor);
    }
  }

  /** Frames of 32 bytes and more come back with no stream, as from a server of before. */
  private static void answerAsBefore(Socket socket) {
    Crc32c crc = new Crc32c();
    try (socket;
        InputStream in = socket.getInputStream()) {
      while (true) {
        byte[] prefix = in.readNBytes(Frame.PREFIX_BYTES);
        if (prefix.length < Frame.PREFIX_BYTES) {
          return;
        }
        int length = Frame.frameLength(new UnsafeBuffer(prefix), 0);
        in.readNBytes(length - Frame.PREFIX_BYTES);
        UnsafeBuffer answer = new UnsafeBuffer(new byte[Frame.PREFIX_BYTES]);
        long id = Frame.requestId(new UnsafeBuffer(prefix), 0);
        Frame.begin(answer, 0, MessageType.PING | MessageType.REPLY, 0, id, 0);
        Frame.seal(answer, 0, Frame.PREFIX_BYTES, 0, crc);
        socket.getOutputStream().write(answer.byteArray());
      }
    } catch (IOException e) {
      // The client has gone.
    }
  }

  @Test
  void aConnectionThatWasSilentForLongEndsWithTheFirstOfItsLinks() throws Exception {
    start(LocalPeers.BY_TCP);
    List<Volume> volumes = volumes(CONNECTIONS + 1);
    Volume first = volumes.get(SharedDialer.OWN_MAX);
    Volume last = volumes.getLast();
    long until = System.nanoTime() + SharedDialer.STALE_NANOS;
    await(() -> System.nanoTime() > until, "the time");
    first.close();
    await(() -> first.closed == 1 && last.closed == 1, "both are told");
    assertEquals(0, volumes.getFirst().closed);
    last.dial().greeted();
  }
}
