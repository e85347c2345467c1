package io.cairn.storage.transport;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Request;
import io.cairn.storage.wire.Version;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.util.ResourceLeakDetector;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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

/** Both ends over real sockets of this machine. */
class LinkTest {
  static {
    ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.PARANOID);
  }

  private static final int SHARDS = 3;
  private static final LinkLimits LIMITS = new LinkLimits(2_000, 300, 64, 256 << 10, 8L << 20);

  private final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(true);
  private final UnsafeBuffer scratch = new UnsafeBuffer(new byte[Frame.HEADER_BYTES_MAX]);
  private final Request request = new Request(7);
  private final int slabsBefore = LoopMemory.slabsInUse();
  private MultiThreadIoEventLoopGroup group;
  private LinkServer server;
  private LinkClient client;
  private EventLoop clientLoop;
  private final List<Echo> echoes = new ArrayList<>();
  private final List<Payload> held = new ArrayList<>();

  /** How both ends talk. */
  private enum Way {
    BEST(SocketKind.best(), LocalPeers.BY_TCP),
    NIO(SocketKind.NIO, LocalPeers.LENDING),
    LOCAL(SocketKind.best(), LocalPeers.BY_SOCKETS),
    LENDING(SocketKind.best(), LocalPeers.LENDING);

    final SocketKind kind;
    final LocalPeers peers;
    final boolean local;

    Way(SocketKind kind, LocalPeers peers) {
      this.kind = kind;
      this.peers = peers;
      this.local = kind == SocketKind.EPOLL && peers != LocalPeers.BY_TCP;
    }
  }

  private void start(Way way) throws IOException {
    start(way, LIMITS);
  }

  private void start(Way way, LinkLimits limits) throws IOException {
    group = new MultiThreadIoEventLoopGroup(SHARDS + 1, way.kind.ioHandlers());
    EventLoop acceptor = group.next();
    clientLoop = acceptor;
    List<LinkServer.Shard> shards = new ArrayList<>();
    for (int i = 0; i < SHARDS; i++) {
      // The first shard shares its loop with the accepting end.
      EventLoop loop = i == 0 ? acceptor : group.next();
      int shard = i;
      shards.add(
          new LinkServer.Shard() {
            @Override
            public EventLoop loop() {
              return loop;
            }

            @Override
            public Dialer.Handler accept() {
              Echo echo = new Echo(shard, loop);
              synchronized (echoes) {
                echoes.add(echo);
              }
              return echo;
            }
          });
    }
    server =
        LinkServer.listen(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            acceptor,
            limits,
            allocator);
    server.serve(shards);
    if (way.local) {
      server.listenLocally("127.0.0.1", server.address().getPort());
    }
    client = new LinkClient(clientLoop, way.peers, limits, allocator);
  }

  @AfterEach
  void everyBufferIsGivenBack() {
    if (client != null) {
      client.close();
      server.close();
      await(() -> server.connections() == 0, "connections are closed");
      held.forEach(Payload::release);
    }
    if (group != null) {
      group.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly();
    }
    assertEquals(0, allocator.metric().usedDirectMemory(), "bytes that leaked");
    assertTrue(LoopMemory.slabsInUse() <= slabsBefore, "slabs that leaked");
    synchronized (echoes) {
      for (Echo echo : echoes) {
        assertEquals(1, echo.closed, "an accepted link hears of its close once");
      }
    }
  }

  /** Sends every frame back; remembers where it ran. */
  private final class Echo implements Dialer.Handler {
    final int shard;
    final EventLoop loop;
    Link link;
    volatile int frames;
    volatile int closed;
    volatile boolean wrongThread;
    volatile boolean answers = true;
    volatile int lent;

    Echo(int shard, EventLoop loop) {
      this.shard = shard;
      this.loop = loop;
    }

    @Override
    public void onOpen(Link opened, long nowNanos) {
      link = opened;
    }

    @Override
    public void onFrame(DirectBuffer header, int offset, int length, Payload payload, long now) {
      wrongThread |= !loop.inEventLoop();
      if (payload != null && ((NettyPayload) payload).isLent()) {
        lent++;
      }
      frames++;
      if (answers) {
        link.send(header, offset, length, payload);
      }
    }

    @Override
    public void onClosed(long nowNanos) {
      closed++;
    }
  }

  private sealed interface Happening {
    record Opened(Link link) implements Happening {}

    record Frame(byte[] bytes) implements Happening {}

    record Refused() implements Happening {}

    record Closed() implements Happening {}
  }

  private static final class Recorder implements Dialer.Handler {
    final BlockingQueue<Happening> happenings = new LinkedBlockingQueue<>();

    @Override
    public void onOpen(Link link, long nowNanos) {
      happenings.add(new Happening.Opened(link));
    }

    @Override
    public void onFrame(DirectBuffer header, int offset, int length, Payload payload, long now) {
      byte[] all = new byte[length + (payload == null ? 0 : payload.length())];
      header.getBytes(offset, all, 0, length);
      if (payload != null) {
        payload.buffer().getBytes(payload.offset(), all, length, payload.length());
      }
      happenings.add(new Happening.Frame(all));
    }

    @Override
    public void onRefused(long nowNanos) {
      happenings.add(new Happening.Refused());
    }

    @Override
    public void onClosed(long nowNanos) {
      happenings.add(new Happening.Closed());
    }

    <T extends Happening> T next(Class<T> type) throws InterruptedException {
      return type.cast(happenings.poll(10, TimeUnit.SECONDS));
    }
  }

  private static void await(BooleanSupplier condition, String what) {
    long deadline = System.nanoTime() + 10_000_000_000L;
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < deadline, "in vain awaited: " + what);
      Thread.onSpinWait();
    }
  }

  private Recorder dial(String host, int port) {
    Recorder recorder = new Recorder();
    clientLoop.execute(() -> client.connect(host, port, recorder));
    return recorder;
  }

  private Recorder dial() {
    return dial("127.0.0.1", server.address().getPort());
  }

  private byte[] hello(int shard) {
    int length = request.hello(scratch, 0, 1, 1, 99, 1, shard, Request.ROLE_GATEWAY);
    return Arrays.copyOf(scratch.byteArray(), length);
  }

  /** The recorder's link to the second shard, which has answered its HELLO. */
  private Link greeted(Recorder recorder) throws InterruptedException {
    Link link = recorder.next(Happening.Opened.class).link();
    send(link, hello(1), null);
    recorder.next(Happening.Frame.class);
    return link;
  }

  private void send(Link link, byte[] header, Payload payload) {
    clientLoop.execute(() -> link.send(new UnsafeBuffer(header), 0, header.length, payload));
  }

  @ParameterizedTest
  @EnumSource(Way.class)
  void framesOfEveryShardComeBackAsTheyWere(Way way) throws Exception {
    start(way);
    Random random = new Random(5);
    for (int shard = 0; shard < SHARDS; shard++) {
      Recorder recorder = dial();
      Link link = recorder.next(Happening.Opened.class).link();
      send(link, hello(shard), null);
      assertArrayEquals(hello(shard), recorder.next(Happening.Frame.class).bytes());
      List<byte[]> sent = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        int blocks = random.nextInt(4) == 0 ? 1 + random.nextInt(256) : random.nextInt(3);
        byte[] frame = blocks == 0 ? FrameDecoderTest.ping(i) : FrameDecoderTest.write(blocks, i);
        sent.add(frame);
        sendFrame(link, frame);
        if (i % 16 == 15) {
          for (byte[] expected : sent) {
            assertArrayEquals(expected, recorder.next(Happening.Frame.class).bytes());
          }
          sent.clear();
        }
      }
    }
    synchronized (echoes) {
      for (int shard = 0; shard < SHARDS; shard++) {
        assertEquals(shard, echoes.get(shard).shard);
        assertFalse(echoes.get(shard).wrongThread);
      }
    }
    assertEquals(way.local ? SHARDS : 0, server.localAccepted());
    assertEquals(way == Way.LENDING ? SHARDS : 0, server.lent());
  }

  @Test
  void aPayloadIsLentUntilItsAnswerAndNoLonger() throws Exception {
    start(Way.LENDING);
    Recorder recorder = dial();
    Link link = greeted(recorder);
    // What the peer answers to the memory has come before its answer to the HELLO.
    Echo echo = echoes.getFirst();
    echo.answers = false;
    sendFrame(link, FrameDecoderTest.write(256, 1));
    await(() -> echo.frames == 2, "the payload comes");
    assertEquals(1, echo.lent, "in the memory of who sent it");
    int slabs = LoopMemory.slabsInUse();
    byte[] ping = FrameDecoderTest.ping(1);
    echo.loop.execute(() -> echo.link.send(new UnsafeBuffer(ping), 0, ping.length, null));
    recorder.next(Happening.Frame.class);
    await(() -> LoopMemory.slabsInUse() < slabs, "what was answered is given back");
    sendFrame(link, FrameDecoderTest.write(256, 2));
    await(() -> echo.frames == 3, "another payload comes");
    clientLoop.submit(link::close).sync();
    await(() -> LoopMemory.slabsInUse() < slabs, "what is not answered too, with the link");
  }

  @Test
  void morePayloadsThanTheMemoryHoldsAreSent() throws Exception {
    start(Way.LENDING);
    Recorder recorder = dial();
    Link link = greeted(recorder);
    Echo echo = echoes.getFirst();
    echo.answers = false;
    for (int i = 0; i < 120; i++) {
      sendFrame(link, FrameDecoderTest.write(16, i));
    }
    await(() -> echo.frames == 121, "all payloads come");
    assertTrue(echo.lent > 0 && echo.lent < 120, echo.lent + " of 120 were lent");
  }

  @Test
  void whoSendsNoMemoryWhereItIsToBeShownIsClosed() throws Exception {
    start(Way.LENDING);
    Channel channel =
        new Bootstrap()
            .group(clientLoop)
            .channel(LocalSockets.SOCKET)
            .handler(new ChannelInboundHandlerAdapter())
            .connect(
                LocalSockets.of(
                    LocalSockets.Kind.LENDING, "127.0.0.1", server.address().getPort(), clientLoop))
            .sync()
            .channel();
    channel.writeAndFlush(Unpooled.wrappedBuffer(hello(1)));
    assertTrue(channel.closeFuture().await(10_000));
    await(() -> server.badGreetings() == 1, "it is counted");
    assertEquals(0, server.lent());
  }

  @Test
  void twoServersDoNotTakeEachOthersLocalSocket() throws Exception {
    start(Way.LOCAL);
    try (LinkServer other =
        LinkServer.listen(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            clientLoop,
            LIMITS,
            allocator)) {
      other.listenLocally("127.0.0.1", server.address().getPort());
      dial().next(Happening.Opened.class);
      await(() -> server.localAccepted() == 1, "the first server takes the connection");
      assertEquals(0, other.accepted());
    }
  }

  private void sendFrame(Link link, byte[] frame) {
    UnsafeBuffer bytes = new UnsafeBuffer(frame);
    int headerLength = Frame.headerLength(bytes, 0);
    clientLoop.execute(
        () -> {
          Payload payload = null;
          if (frame.length > headerLength) {
            Payloads.Writable copy =
                NettyPayload.allocator(allocator).allocate(frame.length - headerLength);
            copy.mutable().putBytes(0, frame, headerLength, frame.length - headerLength);
            payload = copy;
          }
          link.send(bytes, 0, headerLength, payload);
          if (payload != null) {
            payload.release();
          }
        });
  }

  @Test
  void aHelloForAShardThatDoesNotExistReachesTheFirst() throws Exception {
    start(Way.BEST);
    Recorder recorder = dial();
    send(recorder.next(Happening.Opened.class).link(), hello(SHARDS), null);
    recorder.next(Happening.Frame.class);
    assertEquals(0, echoes.getFirst().shard);
  }

  @ParameterizedTest
  @EnumSource(Way.class)
  void whoClosesHearsOfItOnceAndNothingAfterwards(Way way) throws Exception {
    start(way);
    Recorder recorder = dial();
    Link link = greeted(recorder);
    clientLoop
        .submit(
            () -> {
              for (int i = 0; i < 100; i++) {
                byte[] ping = FrameDecoderTest.ping(i);
                link.send(new UnsafeBuffer(ping), 0, ping.length, null);
              }
              link.close();
              link.close();
              assertFalse(link.isOpen());
              assertTrue(recorder.happenings.isEmpty(), "told from within the call");
            })
        .sync();
    recorder.next(Happening.Closed.class);
    await(() -> echoes.getFirst().closed == 1, "the other end hears of it");
    // What was sent before the close has arrived.
    assertEquals(101, echoes.getFirst().frames);
    assertTrue(recorder.happenings.isEmpty());
  }

  @ParameterizedTest
  @EnumSource(Way.class)
  void aPortThatNobodyListensOnIsToldAfterTheCall(Way way) throws Exception {
    start(way);
    Recorder recorder = dial("127.0.0.1", 1);
    recorder.next(Happening.Refused.class);
    dial("name.invalid", 1).next(Happening.Closed.class);
    dial("127.0.0.1", 0).next(Happening.Closed.class);
    assertTrue(recorder.happenings.isEmpty());
  }

  @Test
  void aNameIsLookedUp() throws Exception {
    start(Way.BEST);
    Recorder recorder = dial("localhost", server.address().getPort());
    send(recorder.next(Happening.Opened.class).link(), hello(0), null);
    recorder.next(Happening.Frame.class);
  }

  @Test
  void aLinkThatIsUsedOutsideItsLoopSaysSo() throws Exception {
    start(Way.BEST);
    Link link = dial().next(Happening.Opened.class).link();
    byte[] ping = FrameDecoderTest.ping(1);
    assertThrows(
        IllegalStateException.class, () -> link.send(new UnsafeBuffer(ping), 0, ping.length, null));
  }

  private Socket raw() throws IOException {
    Socket socket = new Socket(server.address().getAddress(), server.address().getPort());
    socket.setSoTimeout(10_000);
    return socket;
  }

  private static void assertEnds(Socket socket) throws IOException {
    try (socket) {
      InputStream in = socket.getInputStream();
      try {
        assertEquals(-1, in.read());
      } catch (java.net.SocketException e) {
        // A reset is an end as well.
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Way.class)
  void whoDoesNotGreetIsClosed(Way way) throws Exception {
    start(way);
    Socket silent = raw();
    Socket half = raw();
    half.getOutputStream().write(hello(0), 0, 40);
    Socket garbage = raw();
    byte[] bytes = new byte[5000];
    new Random(1).nextBytes(bytes);
    garbage.getOutputStream().write(bytes);
    Socket wrongFirst = raw();
    wrongFirst.getOutputStream().write(FrameDecoderTest.ping(1));
    Socket badChecksum = raw();
    byte[] bad = hello(0);
    bad[50]++;
    badChecksum.getOutputStream().write(bad);
    for (Socket socket : List.of(silent, half, garbage, wrongFirst, badChecksum)) {
      assertEnds(socket);
    }
    await(() -> server.badGreetings() == 5, "five bad greetings are counted");
    assertTrue(echoes.isEmpty());
  }

  @ParameterizedTest
  @EnumSource(Way.class)
  void garbageAfterTheHelloEndsTheLink(Way way) throws Exception {
    start(way);
    for (int shard = 0; shard < SHARDS; shard++) {
      Socket socket = raw();
      byte[] hello = hello(shard);
      ByteBuffer both = ByteBuffer.allocate(hello.length + 64);
      both.put(hello);
      both.put(new byte[64]);
      socket.getOutputStream().write(both.array());
      socket.getInputStream().readNBytes(hello.length);
      assertEnds(socket);
    }
    await(() -> echoes.stream().allMatch(e -> e.closed == 1), "the shards hear of it");
    assertEquals(SHARDS, echoes.size());
  }

  @Test
  void framesSentWithTheHelloAreNotLostOnTheWayToTheShard() throws Exception {
    start(Way.BEST);
    Socket socket = raw();
    byte[] hello = hello(2);
    byte[] write = FrameDecoderTest.write(8, 1);
    ByteBuffer all = ByteBuffer.allocate(hello.length + 10 * write.length);
    all.put(hello);
    for (int i = 0; i < 10; i++) {
      all.put(write);
    }
    socket.getOutputStream().write(all.array());
    assertArrayEquals(all.array(), socket.getInputStream().readNBytes(all.capacity()));
    socket.close();
  }

  @Test
  void connectionsAreClosedAtOnceWhileNobodyServes() throws Exception {
    start(Way.BEST);
    server.serve(List.of());
    assertEnds(raw());
    assertEquals(1, server.refused());
    assertEquals(0, server.badGreetings());
  }

  @Test
  void aHelloThatComesByteByByteIsTaken() throws Exception {
    start(Way.BEST);
    Socket socket = raw();
    socket.setTcpNoDelay(true);
    for (byte b : hello(1)) {
      socket.getOutputStream().write(b);
      socket.getOutputStream().flush();
    }
    assertArrayEquals(hello(1), socket.getInputStream().readNBytes(Request.HELLO_BYTES));
    socket.close();
  }

  @Test
  void whoOwesItsHelloForLongestGivesWayAndWhoSaidItStays() throws Exception {
    start(Way.BEST, new LinkLimits(2_000, 60_000, 4096, 256 << 10, 8L << 20));
    List<Socket> sockets = new ArrayList<>();
    Socket greeted = raw();
    greeted.getOutputStream().write(hello(0));
    assertArrayEquals(hello(0), greeted.getInputStream().readNBytes(Request.HELLO_BYTES));
    sockets.add(greeted);
    for (int i = 0; i < LinkServer.GREETINGS_MAX; i++) {
      Socket silent = raw();
      silent.getOutputStream().write(hello(0), 0, i % 20);
      sockets.add(silent);
    }
    await(() -> server.connections() == LinkServer.GREETINGS_MAX + 1, "all are accepted");
    Socket late = raw();
    late.getOutputStream().write(hello(1));
    assertArrayEquals(hello(1), late.getInputStream().readNBytes(Request.HELLO_BYTES));
    assertEnds(sockets.get(1));
    greeted.getOutputStream().write(hello(0));
    assertArrayEquals(hello(0), greeted.getInputStream().readNBytes(Request.HELLO_BYTES));
    sockets.add(late);
    for (Socket socket : sockets) {
      socket.close();
    }
  }

  @Test
  void tooManyConnectionsAreClosedAtOnce() throws Exception {
    start(Way.BEST, new LinkLimits(2_000, 10_000, 4, 256 << 10, 8L << 20));
    List<Socket> sockets = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      sockets.add(raw());
    }
    await(() -> server.connections() == 4, "four are accepted");
    assertEnds(raw());
    assertEquals(1, server.refused());
    sockets.getFirst().close();
    await(() -> server.connections() == 3, "one left");
    try (Socket next = raw()) {
      next.getOutputStream().write(hello(0));
      assertArrayEquals(hello(0), next.getInputStream().readNBytes(Request.HELLO_BYTES));
    }
    for (Socket socket : sockets) {
      socket.close();
    }
  }

  @ParameterizedTest
  @EnumSource(Way.class)
  void aServerWhoseAnswersAreNotReadTakesNoMoreRequests(Way way) throws Exception {
    start(way);
    Socket socket = raw();
    socket.getOutputStream().write(hello(1));
    byte[] write = FrameDecoderTest.write(64, 1);
    Thread writer =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    for (int i = 0; i < 200; i++) {
                      socket.getOutputStream().write(write);
                    }
                  } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                  }
                });
    // 50 MiB of answers would be more than the bounds and all kernel buffers together.
    await(() -> !echoes.isEmpty() && echoes.getFirst().frames > 4, "some are answered");
    long most = 0;
    for (int i = 0; i < 2000; i++) {
      most = Math.max(most, allocator.metric().usedDirectMemory());
      Thread.onSpinWait();
    }
    assertTrue(echoes.getFirst().frames < 150, "frames: " + echoes.getFirst().frames);
    assertTrue(most < 4 << 20, "bytes in use: " + most);
    // And goes on once they are.
    assertArrayEquals(hello(1), socket.getInputStream().readNBytes(Request.HELLO_BYTES));
    for (int i = 0; i < 200; i++) {
      assertArrayEquals(write, socket.getInputStream().readNBytes(write.length));
    }
    writer.join();
    socket.close();
  }

  @ParameterizedTest
  @EnumSource(Way.class)
  void aPeerThatDoesNotReadIsCutOffBeforeMemoryRunsOut(Way way) throws Exception {
    start(way);
    try (java.net.ServerSocket deaf = new java.net.ServerSocket(0)) {
      Recorder recorder = dial("127.0.0.1", deaf.getLocalPort());
      Link link = recorder.next(Happening.Opened.class).link();
      Payload payload = NettyPayload.allocator(allocator).allocate(1 << 20);
      held.add(payload);
      byte[] header = Arrays.copyOf(FrameDecoderTest.write(256, 1), 88 + 4 * 256);
      clientLoop
          .submit(
              () -> {
                int sent = 0;
                while (link.isOpen()) {
                  link.send(new UnsafeBuffer(header), 0, header.length, payload);
                  assertTrue(++sent < 100, "never cut off");
                }
              })
          .sync();
      recorder.next(Happening.Closed.class);
    }
  }

  @Test
  void bytesOfAForeignPayloadAreSharedAndReleased() throws Exception {
    start(Way.BEST);
    Recorder recorder = dial();
    Link link = recorder.next(Happening.Opened.class).link();
    send(link, hello(0), null);
    recorder.next(Happening.Frame.class);
    ByteBuffer direct = ByteBuffer.allocateDirect(3 * Frame.BLOCK_BYTES);
    new Random(3).nextBytes(new byte[1]);
    for (int i = 0; i < direct.capacity(); i++) {
      direct.put(i, (byte) (i * 31 >> 3));
    }
    CountedPayload payload =
        new CountedPayload(new UnsafeBuffer(direct), Frame.BLOCK_BYTES, Frame.BLOCK_BYTES);
    Request.putCrc(scratch, 0, 0, 1);
    int length = request.write(scratch, 0, 0, 9, 1, 2, 0, 3, 4, Version.of(4, 1), 0, 1);
    byte[] header = Arrays.copyOf(scratch.byteArray(), length);
    send(link, header, payload);
    byte[] back = recorder.next(Happening.Frame.class).bytes();
    for (int i = 0; i < Frame.BLOCK_BYTES; i++) {
      assertEquals(direct.get(Frame.BLOCK_BYTES + i), back[length + i]);
    }
    await(() -> payload.references == 1, "the link gives its reference back");
    assertEquals(MessageType.WRITE, Frame.type(new UnsafeBuffer(back), 0));
  }

  private static final class CountedPayload implements Payload {
    private final UnsafeBuffer buffer;
    private final int offset;
    private final int length;
    volatile int references = 1;

    CountedPayload(UnsafeBuffer buffer, int offset, int length) {
      this.buffer = buffer;
      this.offset = offset;
      this.length = length;
    }

    @Override
    public DirectBuffer buffer() {
      return buffer;
    }

    @Override
    public int offset() {
      return offset;
    }

    @Override
    public int length() {
      return length;
    }

    @Override
    public void retain() {
      references++;
    }

    @Override
    public void release() {
      references--;
    }

    @Override
    public Payload slice(int from, int count) {
      throw new UnsupportedOperationException();
    }
  }
}
