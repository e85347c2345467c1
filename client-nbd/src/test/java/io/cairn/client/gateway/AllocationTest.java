package io.cairn.client.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.nbd.Exports;
import io.cairn.client.nbd.server.NbdServer;
import io.cairn.client.volume.MetadataCalls;
import io.cairn.client.volume.SessionSettings;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Submission;
import io.cairn.metadata.machine.MetadataMachine;
import io.cairn.metadata.machine.TreeKeyValues;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.placement.Candidate;
import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.transport.LinkClient;
import io.cairn.storage.transport.LinkLimits;
import io.cairn.storage.transport.LinkServer;
import io.cairn.storage.transport.LocalPeers;
import io.cairn.storage.transport.NettyPayload;
import io.cairn.storage.transport.SharedDialer;
import io.cairn.storage.transport.SocketKind;
import io.cairn.storage.transport.TurnLoop;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Request;
import io.cairn.storage.wire.Status;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.EventLoop;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What the gateway's event loop allocates for reads and writes in the steady state: from the NBD
 * client's socket through the volume session to three nodes' sockets and back, all on one thread.
 * The nodes answer at once and keep nothing; they run on another thread, which is not counted.
 *
 * <p>The goal is nothing. Less than 1 byte per request was measured, 58 kB a second: what remains
 * belongs to time, the session's timer and its tick, and a slow machine has more of it per request.
 */
class AllocationTest {
  private static final int BLOCK = 4096;
  private static final int CHUNK_BYTES = 1 << 20;
  private static final int CHUNKS = 16;
  private static final int NODES = 3;
  private static final int BATCH = 32;
  private static final int BATCHES = 64;
  private static final int WARM_UP_ROUNDS = 150;
  private static final int ROUNDS = 490;

  /** A quarter of the smallest object: no request makes one each time, nor every fourth. */
  private static final int BYTES_PER_REQUEST_MAX = 4;

  private final TurnLoop.Group group =
      new TurnLoop.Group(1, "measured", SocketKind.best().ioHandlers());
  private final TurnLoop.Group others =
      new TurnLoop.Group(1, "nodes", SocketKind.best().ioHandlers());
  private final EventLoop loop = group.next();
  private final List<LinkServer> nodes = new ArrayList<>();
  private final MetadataMachine metadata = new MetadataMachine(new TreeKeyValues());
  private final List<Candidate> candidates = new ArrayList<>();
  private long commands;
  private LinkClient links;
  private NbdServer server;
  private Socket socket;

  /** A shard that holds whatever it is told, and reads the same block everywhere. */
  private static final class AnsweringShard implements Dialer.Handler {
    private final long nodeId;
    private final io.cairn.storage.wire.Reply reply = new io.cairn.storage.wire.Reply();
    private final UnsafeBuffer out = new UnsafeBuffer(new byte[Frame.HEADER_BYTES_MAX]);
    private final Payload block =
        NettyPayload.allocator(PooledByteBufAllocator.DEFAULT).allocate(BLOCK);
    private final int[] crcs = {new Crc32c().of(block.buffer(), block.offset(), BLOCK)};
    private Link link;
    private long lsn;

    AnsweringShard(long nodeId) {
      this.nodeId = nodeId;
    }

    @Override
    public void onOpen(Link opened, long nowNanos) {
      link = opened;
    }

    @Override
    public void onFrame(DirectBuffer header, int offset, int length, Payload payload, long now) {
      int type = Frame.type(header, offset);
      long id = Frame.requestId(header, offset);
      int size = CHUNK_BYTES / BLOCK;
      lsn++;
      switch (type) {
        case MessageType.HELLO ->
            link.send(out, 0, reply.hello(out, 0, id, lsn, lsn, nodeId, 1, 1, 0), null);
        case MessageType.OPEN ->
            link.send(
                out,
                0,
                reply.open(
                    out, 0, id, lsn, lsn, 0, io.cairn.storage.wire.Reply.STATE_COMPLETE, size, 0),
                null);
        case MessageType.READ -> {
          int first = Request.rangeBlock(header, offset);
          link.send(
              out,
              0,
              reply.read(out, 0, id, lsn, lsn, 0, first, 1, crcs, null, block.length()),
              block);
        }
        default -> link.send(out, 0, reply.bare(out, 0, type, id, Status.OK, lsn, lsn, 0, 0), null);
      }
    }

    @Override
    public void onClosed(long nowNanos) {
      block.release();
    }
  }

  private Reply apply(Command command) {
    return metadata.apply(1, ++commands, command, candidates);
  }

  private void startNodes() throws IOException {
    apply(new Command.InitCluster(77));
    EventLoop elsewhere = others.next();
    for (int i = 1; i <= NODES; i++) {
      LinkServer node =
          LinkServer.listen(
              new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
              elsewhere,
              LinkLimits.defaults(),
              PooledByteBufAllocator.DEFAULT);
      nodes.add(node);
      int port = node.address().getPort();
      Reply reply =
          apply(
              new Command.RegisterNode(
                  77, 1, i, "n" + i, "127.0.0.1", port, "z", "r", "h" + i, 1L << 40, 1, 1));
      long id = ((Reply.NodeRegistered) reply).nodeId();
      candidates.add(new Candidate(id, "z", "r", "h" + i, 1L << 40));
      node.serve(
          List.of(
              new LinkServer.Shard() {
                @Override
                public EventLoop loop() {
                  return elsewhere;
                }

                @Override
                public Dialer.Handler accept() {
                  return new AnsweringShard(id);
                }
              }));
    }
    apply(
        new Command.CreateVolume(
            "v", (long) CHUNKS * CHUNK_BYTES, CHUNK_BYTES, NODES, 2, Durability.FLUSH));
  }

  /** Applies at once, answers on the loop. */
  private final class AtOnce implements MetadataCalls {
    @Override
    public void submit(Submission submission, Answer answer) {
      Reply reply = apply(submission.command());
      loop.execute(() -> answer.on(reply, System.nanoTime()));
    }

    @Override
    public void query(Query query, Answer answer) {
      Reply reply =
          query instanceof Query.GetChunks q
              ? new Reply.Chunks(
                  metadata.state().chunks(q.volumeId(), q.layer(), q.fromIndex(), q.limit()),
                  metadata.state().nodes())
              : new Reply.Ok();
      loop.execute(() -> answer.on(reply, System.nanoTime()));
    }
  }

  /** Another volume's link to a shard, which says nothing. */
  private static final class Idle implements Dialer.Handler {
    @Override
    public void onOpen(Link link, long nowNanos) {}

    @Override
    public void onFrame(
        DirectBuffer header, int offset, int length, Payload payload, long nowNanos) {}

    @Override
    public void onClosed(long nowNanos) {}
  }

  private void startGateway(boolean shared) throws Exception {
    links = new LinkClient(loop, LocalPeers.BY_TCP);
    SharedDialer dialer = new SharedDialer(links, loop);
    if (shared) {
      for (LinkServer node : nodes) {
        int port = node.address().getPort();
        loop.submit(() -> dialer.connect("127.0.0.1", port, 0, new Idle())).sync();
      }
    }
    LoopSession session =
        new LoopSession(
            SessionSettings.of("g", 1, "g"),
            "v",
            new AtOnce(),
            dialer,
            NettyPayload.allocator(PooledByteBufAllocator.DEFAULT),
            loop);
    Exports exports =
        new Exports() {
          @Override
          public void list(Listing answer) {
            answer.names(List.of("v"));
          }

          @Override
          public void describe(String name, Description answer) {
            answer.found("v", (long) CHUNKS * CHUNK_BYTES);
          }

          @Override
          public void open(String name, Opening answer) {
            session.start(() -> answer.opened("v", session), answer::over);
          }

          @Override
          public void close(Opening opening) {}
        };
    server = new NbdServer(loop, exports, 64 << 20);
    int port = server.listen(new InetSocketAddress("127.0.0.1", 0)).getPort();
    socket = new Socket("127.0.0.1", port);
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(60_000);
  }

  @AfterEach
  void stop() throws IOException {
    if (socket != null) {
      socket.close();
    }
    if (server != null) {
      server.close();
      links.close();
    }
    nodes.forEach(LinkServer::close);
    group.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly();
    others.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly();
  }

  /** Writes and reads in turn, each somewhere else. */
  private static byte[] batch(int number) {
    ByteBuffer bytes = ByteBuffer.allocate(BATCH / 2 * (2 * 28 + BLOCK));
    for (int i = 0; i < BATCH; i++) {
      int block = (int) ((number * BATCH + i) * 2654435761L >>> 7) & CHUNKS * 256 - 1;
      boolean write = i % 2 == 0;
      bytes.putInt(0x25609513).putShort((short) 0).putShort((short) (write ? 1 : 0));
      bytes.putLong(i).putLong((long) block * BLOCK).putInt(BLOCK);
      if (write) {
        bytes.position(bytes.position() + BLOCK);
      }
    }
    return bytes.array();
  }

  private static void run(
      List<byte[]> batches, OutputStream out, DataInputStream in, byte[] replies)
      throws IOException {
    for (byte[] batch : batches) {
      out.write(batch);
      in.readFully(replies);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aMillionRequestsLeaveNothingToTheCollector(boolean shared, TestReporter reporter)
      throws Exception {
    startNodes();
    startGateway(shared);
    DataInputStream in = new DataInputStream(socket.getInputStream());
    OutputStream out = socket.getOutputStream();
    in.readFully(new byte[18]);
    ByteBuffer hello = ByteBuffer.allocate(4 + 16 + 7);
    hello.putInt(3).putLong(0x49484156454f5054L).putInt(7).putInt(7);
    hello.putInt(1).put((byte) 'v').putShort((short) 0);
    out.write(hello.array());
    int answer;
    do {
      in.readLong();
      in.readInt();
      answer = in.readInt();
      in.readFully(new byte[in.readInt()]);
    } while (answer != 1);

    List<byte[]> batches = new ArrayList<>();
    for (int i = 0; i < BATCHES; i++) {
      batches.add(batch(i));
    }
    byte[] replies = new byte[BATCH / 2 * (2 * 16 + BLOCK)];
    for (int i = 0; i < WARM_UP_ROUNDS; i++) {
      run(batches, out, in, replies);
    }
    com.sun.management.ThreadMXBean threads =
        (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long thread = loop.submit(() -> Thread.currentThread().threadId()).get();
    long before = threads.getThreadAllocatedBytes(thread);
    for (int i = 0; i < ROUNDS; i++) {
      run(batches, out, in, replies);
    }
    long allocated = threads.getThreadAllocatedBytes(thread) - before;
    long requests = (long) ROUNDS * BATCHES * BATCH;
    assertTrue(requests >= 1_000_000);
    assertEquals(0x67446698, ByteBuffer.wrap(replies).getInt(), "the replies are in step");
    reporter.publishEntry(allocated + " bytes for " + requests + " requests");
    assertTrue(
        allocated < requests * BYTES_PER_REQUEST_MAX,
        allocated + " bytes for " + requests + " requests");
  }
}
