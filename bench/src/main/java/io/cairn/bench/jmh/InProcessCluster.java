package io.cairn.bench.jmh;

import io.cairn.client.volume.MetadataCalls;
import io.cairn.client.volume.SessionSettings;
import io.cairn.client.volume.VolumeSession;
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
import io.cairn.storage.replication.PeerLinks;
import io.cairn.storage.replication.ReplicaLimits;
import io.cairn.storage.replication.ReplicaShard;
import io.cairn.storage.replication.ShardStore;
import io.cairn.storage.transport.NettyPayload;
import io.cairn.storage.wire.Frame;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A volume session, one replica per store and the metadata's machine on one thread: frames go from
 * one to the other through a queue in memory, with their headers copied as a socket would. The
 * links allocate nothing once they are warm.
 */
final class InProcessCluster {
  static final int CHUNK_BYTES = 16 << 20;

  private static final long CLUSTER = 77;
  private static final int TIMER_STEPS = 256;

  private final BlockingQueue<Runnable> loop;
  private final MetadataMachine metadata = new MetadataMachine(new TreeKeyValues());
  private final List<Candidate> candidates = new ArrayList<>();
  private final List<ReplicaShard> shards = new ArrayList<>();
  private final ArrayDeque<InFlight> frames = new ArrayDeque<>();
  private final ArrayDeque<InFlight> free = new ArrayDeque<>();
  private final VolumeSession session;
  private long commands;
  private long links;
  private int steps;

  /** A frame between two ends. */
  private static final class InFlight {
    final UnsafeBuffer header = new UnsafeBuffer(new byte[Frame.HEADER_BYTES_MAX]);
    int length;
    Payload payload;
    End to;
  }

  /**
   * A cluster that serves a volume.
   *
   * @param stores one per replica, not started yet.
   * @param loop what other threads hand to this one.
   */
  InProcessCluster(List<ShardStore> stores, BlockingQueue<Runnable> loop, int chunkCount) {
    this.loop = loop;
    apply(new Command.InitCluster(CLUSTER));
    for (int i = 1; i <= stores.size(); i++) {
      Reply reply =
          apply(
              new Command.RegisterNode(
                  CLUSTER, 1, i, "n" + i, "n" + i, i, "z", "r", "h" + i, 1L << 40, 1, 1));
      long id = ((Reply.NodeRegistered) reply).nodeId();
      candidates.add(new Candidate(id, "z", "r", "h" + i, 1L << 40));
      shards.add(
          new ReplicaShard(
              CLUSTER, id, 1, 0, 1, stores.get(i - 1), new NoPeers(), ReplicaLimits.defaults()));
    }
    apply(
        new Command.CreateVolume(
            "volume",
            (long) chunkCount * CHUNK_BYTES,
            CHUNK_BYTES,
            stores.size(),
            (stores.size() + 1) / 2,
            Durability.FLUSH));
    session =
        new VolumeSession(
            SessionSettings.of("gateway", 1, "gateway"),
            "volume",
            new Metadata(),
            (host, port, handler) -> dial(port, handler),
            NettyPayload.allocator(PooledByteBufAllocator.DEFAULT),
            System::nanoTime);
  }

  /** The shards, which must hear their stores. */
  List<ReplicaShard> shards() {
    return shards;
  }

  /** Attaches the volume. */
  VolumeSession start() {
    boolean[] serving = new boolean[1];
    session.start(
        () -> serving[0] = true,
        () -> {
          throw new IllegalStateException("the session is over: " + session.describe());
        },
        System.nanoTime());
    while (!serving[0]) {
      step();
    }
    return session;
  }

  /** Does what there is to do; called until what was waited for has come. */
  void step() {
    for (Runnable task = loop.poll(); task != null; task = loop.poll()) {
      task.run();
    }
    if (frames.isEmpty()) {
      Thread.onSpinWait();
    } else {
      long now = System.nanoTime();
      for (InFlight frame = frames.poll(); frame != null; frame = frames.poll()) {
        deliver(frame, now);
      }
    }
    if (++steps % TIMER_STEPS == 0) {
      timers(System.nanoTime());
    }
  }

  private void timers(long now) {
    if (session.nextDeadlineNanos() <= now) {
      session.onTimer(now);
    }
    for (int i = 0; i < shards.size(); i++) {
      if (shards.get(i).nextDeadlineNanos() <= now) {
        shards.get(i).onTimer(now);
      }
    }
  }

  private void deliver(InFlight frame, long now) {
    End to = frame.to;
    if (to.open) {
      if (to.handler == null) {
        to.shard.onFrame(to, frame.header, 0, frame.length, frame.payload, now);
      } else {
        to.handler.onFrame(frame.header, 0, frame.length, frame.payload, now);
      }
    }
    if (frame.payload != null) {
      frame.payload.release();
      frame.payload = null;
    }
    free.add(frame);
  }

  private Reply apply(Command command) {
    return metadata.apply(1, ++commands, command, candidates);
  }

  private void dial(int port, Dialer.Handler handler) {
    End client = new End(null, handler);
    End server = new End(shards.get(port - 1), null);
    client.other = server;
    server.other = client;
    loop.add(
        () -> {
          server.shard.onLinkOpen(server);
          handler.onOpen(client, System.nanoTime());
        });
  }

  /** One end of a link; the server's has a shard, the client's a handler. */
  private final class End implements Link {
    final long id = ++links;
    final ReplicaShard shard;
    final Dialer.Handler handler;
    End other;
    boolean open = true;

    End(ReplicaShard shard, Dialer.Handler handler) {
      this.shard = shard;
      this.handler = handler;
    }

    @Override
    public long id() {
      return id;
    }

    @Override
    public void send(DirectBuffer header, int offset, int length, Payload payload) {
      InFlight frame = free.isEmpty() ? new InFlight() : free.poll();
      frame.header.putBytes(0, header, offset, length);
      frame.length = length;
      frame.payload = payload;
      frame.to = other;
      if (payload != null) {
        payload.retain();
      }
      frames.add(frame);
    }

    @Override
    public boolean isOpen() {
      return open;
    }

    @Override
    public void close() {
      throw new IllegalStateException("a link was closed: " + session.describe());
    }
  }

  private static final class NoPeers implements PeerLinks {
    @Override
    public int shardCount(long nodeId) {
      return 1;
    }

    @Override
    public void connect(String host, int port, Dialer.Handler handler) {
      throw new IllegalStateException("nothing catches up here");
    }
  }

  /** Applies at once, answers on the loop. */
  private final class Metadata implements MetadataCalls {
    @Override
    public void submit(Submission submission, Answer answer) {
      Reply reply = apply(submission.command());
      loop.add(() -> answer.on(reply, System.nanoTime()));
    }

    @Override
    public void query(Query query, Answer answer) {
      Reply reply =
          switch (query) {
            case Query.GetChunks q ->
                new Reply.Chunks(
                    metadata.state().chunks(q.volumeId(), q.layer(), q.fromIndex(), q.limit()),
                    metadata.state().nodes());
            case Query.ConfirmGeneration q -> new Reply.Ok();
            default -> throw new IllegalArgumentException(query.toString());
          };
      loop.add(() -> answer.on(reply, System.nanoTime()));
    }
  }
}
