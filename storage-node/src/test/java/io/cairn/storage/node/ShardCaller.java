package io.cairn.storage.node;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.transport.LinkClient;
import io.cairn.storage.transport.LocalPeers;
import io.cairn.storage.transport.NettyPayload;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Reply;
import io.cairn.storage.wire.Request;
import io.cairn.storage.wire.Status;
import io.cairn.storage.wire.Version;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.EventLoop;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** An owner reduced to one request after the other, over a real connection. */
final class ShardCaller implements Dialer.Handler {
  static final long VOLUME = 9;
  static final int INDEX = 0;
  static final long GENERATION = 1;

  /** What came back. */
  record Answer(Status status, byte[] header, byte[] payload) {
    long detail() {
      return Reply.detail(new UnsafeBuffer(header), 0);
    }

    long lastVersion() {
      return Reply.lastVersion(new UnsafeBuffer(header), 0);
    }
  }

  private final long nodeId;
  private final EventLoop loop;
  private final Request request;
  private final UnsafeBuffer out = new UnsafeBuffer(new byte[Frame.HEADER_BYTES_MAX]);
  private final ConcurrentHashMap<Long, CompletableFuture<Answer>> pending =
      new ConcurrentHashMap<>();
  private final CompletableFuture<Link> opened = new CompletableFuture<>();
  final CompletableFuture<Void> closed = new CompletableFuture<>();
  private long id;
  private int index = INDEX;

  ShardCaller(EventLoop loop, long clusterId, long nodeId, int port) {
    this.loop = loop;
    this.nodeId = nodeId;
    request = new Request(clusterId);
    LinkClient client = new LinkClient(loop, LocalPeers.BY_SOCKETS);
    loop.execute(() -> client.connect("127.0.0.1", port, this));
  }

  @Override
  public void onOpen(Link link, long nowNanos) {
    opened.complete(link);
  }

  @Override
  public void onFrame(DirectBuffer header, int offset, int length, Payload payload, long now) {
    byte[] copy = new byte[length];
    header.getBytes(offset, copy);
    byte[] data = new byte[payload == null ? 0 : payload.length()];
    if (payload != null) {
      payload.buffer().getBytes(payload.offset(), data);
    }
    CompletableFuture<Answer> asked = pending.remove(Frame.requestId(header, offset));
    if (asked != null) {
      asked.complete(new Answer(Status.ofCode(Frame.status(header, offset)), copy, data));
    }
  }

  @Override
  public void onClosed(long nowNanos) {
    closed.complete(null);
    opened.completeExceptionally(new java.io.IOException("closed"));
    pending.values().forEach(p -> p.completeExceptionally(new java.io.IOException("closed")));
  }

  static <T> T await(Future<T> future) throws Exception {
    try {
      return future.get(20, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new AssertionError("nothing within 20 s", e);
    }
  }

  CompletableFuture<Answer> send(int length, byte[] data) throws Exception {
    CompletableFuture<Answer> asked = new CompletableFuture<>();
    Link link = await(opened);
    pending.put(id, asked);
    byte[] header = Arrays.copyOf(out.byteArray(), length);
    loop.execute(
        () -> {
          Payload payload = null;
          if (data != null) {
            Payloads.Writable copy =
                NettyPayload.allocator(ByteBufAllocator.DEFAULT).allocate(data.length);
            copy.mutable().putBytes(0, data);
            payload = copy;
          }
          link.send(new UnsafeBuffer(header), 0, length, payload);
          if (payload != null) {
            payload.release();
          }
        });
    return asked;
  }

  /** The following requests are for another chunk. */
  ShardCaller on(int otherIndex) {
    index = otherIndex;
    return this;
  }

  Answer hello(int shard) throws Exception {
    return hello(shard, 1);
  }

  /** One with a higher number ends those before. */
  Answer hello(int shard, long connection) throws Exception {
    return await(send(request.hello(out, 0, ++id, nodeId, 4711, connection, shard, 1), null));
  }

  Answer bare(int type) throws Exception {
    return await(
        send(request.bare(out, 0, type, ++id, nodeId, VOLUME, 0, index, GENERATION), null));
  }

  Answer create(int sizeBlocks) throws Exception {
    return await(
        send(request.create(out, 0, ++id, nodeId, VOLUME, 0, index, GENERATION, sizeBlocks), null));
  }

  CompletableFuture<Answer> write(long sequence, int block, byte[] data, int flags)
      throws Exception {
    int count = data.length / Frame.BLOCK_BYTES;
    Crc32c crc = new Crc32c();
    UnsafeBuffer bytes = new UnsafeBuffer(data);
    for (int i = 0; i < count; i++) {
      Request.putCrc(out, 0, i, crc.of(bytes, i * Frame.BLOCK_BYTES, Frame.BLOCK_BYTES));
    }
    return send(
        request.write(
            out,
            0,
            flags,
            ++id,
            nodeId,
            VOLUME,
            0,
            index,
            GENERATION,
            Version.of(GENERATION, sequence),
            block,
            count),
        data);
  }

  CompletableFuture<Answer> read(int block, int count) throws Exception {
    return send(
        request.range(
            out,
            0,
            MessageType.READ,
            0,
            ++id,
            nodeId,
            VOLUME,
            0,
            index,
            GENERATION,
            block,
            count,
            0),
        null);
  }

  CompletableFuture<Answer> catchUp(
      long base, long attempt, long source, int sourcePort, int sizeBlocks) throws Exception {
    return send(
        request.catchUp(
            out,
            0,
            ++id,
            nodeId,
            VOLUME,
            0,
            index,
            GENERATION,
            base,
            attempt,
            source,
            sizeBlocks,
            "127.0.0.1",
            sourcePort,
            0,
            0),
        null);
  }

  /** Greets, fences and makes the chunk. */
  ShardCaller ready(int sizeBlocks) throws Exception {
    assertEquals(Status.OK, hello(0).status());
    assertEquals(Status.OK, bare(MessageType.FENCE).status());
    assertEquals(Status.OK, create(sizeBlocks).status());
    return this;
  }
}
