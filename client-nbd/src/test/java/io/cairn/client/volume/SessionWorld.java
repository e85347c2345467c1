package io.cairn.client.volume;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Submission;
import io.cairn.metadata.machine.MetadataMachine;
import io.cairn.metadata.machine.MetadataQueries;
import io.cairn.metadata.machine.TreeKeyValues;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.placement.Candidate;
import io.cairn.metadata.release.Release;
import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.replication.HeapPayload;
import io.cairn.storage.replication.LostChunks;
import io.cairn.storage.replication.MemoryStore;
import io.cairn.storage.replication.PeerLinks;
import io.cairn.storage.replication.ReplicaLimits;
import io.cairn.storage.replication.ReplicaShard;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** Real sessions, replicas and metadata on virtual time, with a network that can be cut. */
final class SessionWorld {
  static final int CHUNK_BYTES = 1 << 20;
  static final long MILLI = 1_000_000L;
  static final long SECOND = 1000 * MILLI;
  private static final long CLUSTER = 77;
  private static final long HOP_NANOS = 100_000L;

  private record Event(long atNanos, long order, Runnable action) implements Comparable<Event> {
    @Override
    public int compareTo(Event other) {
      return atNanos != other.atNanos
          ? Long.compare(atNanos, other.atNanos)
          : Long.compare(order, other.order);
    }
  }

  final List<Node> nodes = new ArrayList<>();
  final List<VolumeSession> sessions = new ArrayList<>();
  final MetadataMachine metadata = new MetadataMachine(new TreeKeyValues());
  final long volumeId;
  boolean metadataDown;

  /** The gateway that cannot reach the metadata; empty for none. */
  String cutFromMetadata = "";

  long nowNanos = SECOND;
  private final PriorityQueue<Event> events = new PriorityQueue<>();
  private final java.util.TreeSet<String> cutPairs = new java.util.TreeSet<>();
  private long order;
  private long linkIds;
  private long commandNumber;

  SessionWorld(int nodeCount, int replicas, int minInSync) {
    apply(new Command.InitCluster(CLUSTER, Release.level()));
    for (int i = 0; i < nodeCount; i++) {
      Reply reply =
          apply(
              new Command.RegisterNode(
                  CLUSTER, 1, i + 1, "n" + i, "n" + i, i + 1, "z", "r", "n" + i, 1L << 40, 1, 1));
      nodes.add(new Node(((Reply.NodeRegistered) reply).nodeId(), i));
    }
    Reply created =
        apply(
            new Command.CreateVolume(
                "vol", 64L * CHUNK_BYTES, CHUNK_BYTES, replicas, minInSync, Durability.FLUSH));
    volumeId = ((Reply.Volume) created).volume().volumeId();
  }

  private Reply apply(Command command) {
    return apply(new Submission(command));
  }

  private Reply apply(Submission submission) {
    List<Candidate> candidates = new ArrayList<>();
    for (Node node : nodes) {
      if (node.up) {
        candidates.add(
            new Candidate(
                node.id, "z", "r", "n" + node.index, freeBytes, node.out ? List.of(0) : null));
      }
    }
    return metadata.apply(1, submission.sent(++commandNumber), submission.command(), candidates);
  }

  /** Commands that were applied so far. */
  long commandCount() {
    return commandNumber;
  }

  /** What an operator orders. */
  void order(Command command) {
    if (apply(command) instanceof Reply.Refused refused) {
      throw new AssertionError(refused.message());
    }
  }

  void after(long delayNanos, Runnable action) {
    events.add(new Event(nowNanos + delayNanos, order++, action));
  }

  void run(long nanos) {
    long end = nowNanos + nanos;
    runUntil(() -> nowNanos >= end, nanos + 1);
  }

  void await(BooleanSupplier condition) {
    if (!runUntil(condition, 60 * SECOND)) {
      throw new AssertionError("it did not happen within a minute");
    }
  }

  private boolean runUntil(BooleanSupplier condition, long limitNanos) {
    long end = nowNanos + limitNanos;
    while (!condition.getAsBoolean()) {
      long next = events.isEmpty() ? Long.MAX_VALUE : events.peek().atNanos();
      for (VolumeSession session : sessions) {
        next = Math.min(next, session.nextDeadlineNanos());
      }
      for (Node node : nodes) {
        next = node.up ? Math.min(next, node.shard.nextDeadlineNanos()) : next;
      }
      if (next > end) {
        nowNanos = end;
        return condition.getAsBoolean();
      }
      nowNanos = Math.max(nowNanos, next);
      if (!events.isEmpty() && events.peek().atNanos() <= nowNanos) {
        events.remove().action().run();
      }
      for (VolumeSession session : List.copyOf(sessions)) {
        if (session.nextDeadlineNanos() <= nowNanos) {
          session.onTimer(nowNanos);
        }
      }
      for (Node node : nodes) {
        if (node.up && node.shard.nextDeadlineNanos() <= nowNanos) {
          node.shard.onTimer(nowNanos);
        }
      }
    }
    return true;
  }

  /** Cuts one gateway off from one node. */
  void cut(String gateway, Node node) {
    cutPairs.add(gateway + "/" + node.index);
  }

  /** Mends it. */
  void join(String gateway, Node node) {
    cutPairs.remove(gateway + "/" + node.index);
  }

  private boolean isCut(String gateway, Node node) {
    return cutPairs.contains(gateway + "/" + node.index);
  }

  /** One storage node with one shard. */
  final class Node {
    final long id;
    final int index;
    final List<End> ends = new ArrayList<>();
    MemoryStore store = new MemoryStore();
    ReplicaShard shard;
    boolean up;

    /** Frames to and from the node vanish. */
    boolean cut;

    /** The shard's device failed: the process lives, and the metadata knows it. */
    boolean out;

    /** Nothing more becomes durable. */
    boolean syncPaused;

    /** What it takes to make something durable. */
    long syncNanos = 2 * MILLI;

    /** Frames of this type to the node vanish. */
    int deafTo;

    private int incarnation;
    private LostChunks lost = LostChunks.NONE;
    private boolean syncScheduled;

    Node(long id, int index) {
      this.id = id;
      this.index = index;
      start();
    }

    void start() {
      up = true;
      incarnation++;
      shard =
          new ReplicaShard(
              CLUSTER,
              id,
              incarnation,
              0,
              1,
              store,
              new PeerLinks() {
                @Override
                public int shardCount(long nodeId) {
                  return 1;
                }

                @Override
                public void connect(String host, int port, Dialer.Handler handler) {
                  dial(port, handler, Node.this, "");
                }
              },
              ReplicaLimits.defaults());
      shard.beganAnew(lost);
      ReplicaShard current = shard;
      store.syncWanted =
          () -> {
            if (!syncScheduled) {
              syncScheduled = true;
              after(
                  syncNanos,
                  () -> {
                    syncScheduled = false;
                    if (shard != current) {
                      store.syncWanted.run();
                    } else if (up && !syncPaused && store.synced()) {
                      shard.onDurable(store.durableLsn());
                    }
                  });
            }
          };
    }

    void resumeSync() {
      syncPaused = false;
      store.syncWanted.run();
    }

    void kill() {
      up = false;
      for (End end : List.copyOf(ends)) {
        end.close();
      }
      ends.clear();
    }

    /** It starts again with an empty device in the place of its own. */
    void replaceDevice() {
      kill();
      store = new MemoryStore();
      Reply reply = MetadataQueries.chunkCounts(metadata.state());
      Map<Long, Long> counts = new TreeMap<>();
      ((Reply.ChunkCounts) reply)
          .volumes()
          .forEach(one -> counts.put(one.volumeId(), one.chunks()));
      lost = new LostChunks(incarnation + 1L, counts);
    }

    /** Its device fails, or is good again, with all that was on it. */
    void out(boolean isOut) {
      out = isOut;
      shard.withdraw(isOut);
    }

    void losePower() {
      kill();
      store.losePower();
    }
  }

  /** One end of a connection. */
  final class End implements Link {
    private final long id = ++linkIds;
    private final Node node;
    private final Node peer;
    private final String gateway;
    private Dialer.Handler handler;
    private End other;
    private boolean open = true;
    private boolean lost;

    End(Node node, Node peer, String gateway) {
      this.gateway = gateway;
      this.node = node;
      this.peer = peer;
    }

    private boolean server() {
      return handler == null;
    }

    private boolean isCut() {
      return node.cut || SessionWorld.this.isCut(gateway, node) || peer != null && peer.cut;
    }

    @Override
    public long id() {
      return id;
    }

    @Override
    public boolean isOpen() {
      return open;
    }

    @Override
    public void send(DirectBuffer header, int offset, int length, Payload payload) {
      if (!open) {
        return;
      }
      byte[] copy = new byte[length];
      header.getBytes(offset, copy);
      if (payload != null) {
        payload.retain();
      }
      after(HOP_NANOS, () -> deliver(new UnsafeBuffer(copy), length, payload));
    }

    private void deliver(UnsafeBuffer header, int length, Payload payload) {
      int type = Frame.type(header, 0);
      boolean deaf = !server() && node.deafTo == type && type != 0;
      // What is lost is lost from there on, never from the middle.
      lost |= isCut();
      if (other.open && !lost && !deaf) {
        if (other.server()) {
          node.shard.onFrame(other, header, 0, length, payload, nowNanos);
        } else {
          other.handler.onFrame(header, 0, length, payload, nowNanos);
        }
      }
      if (payload != null) {
        payload.release();
      }
    }

    @Override
    public void close() {
      if (open) {
        open = false;
        after(HOP_NANOS, this::closed);
        if (!isCut()) {
          after(HOP_NANOS, other::close);
        }
      }
    }

    private void closed() {
      if (!server()) {
        handler.onClosed(nowNanos);
      } else if (node.up) {
        node.shard.onLinkClosed(this);
      }
    }
  }

  private void dial(int port, Dialer.Handler handler, Node from, String gateway) {
    Node node = nodes.get(port - 1);
    after(
        HOP_NANOS,
        () -> {
          if (node.cut || isCut(gateway, node) || from != null && from.cut) {
            handler.onClosed(nowNanos);
            return;
          }
          if (!node.up) {
            handler.onRefused(nowNanos);
            return;
          }
          End client = new End(node, from, gateway);
          End server = new End(node, from, gateway);
          client.handler = handler;
          client.other = server;
          server.other = client;
          node.ends.add(server);
          if (from != null) {
            from.ends.add(client);
          }
          node.shard.onLinkOpen(server);
          handler.onOpen(client, nowNanos);
        });
  }

  /** Attaches the volume and waits until the session serves. */
  VolumeSession attach(String gateway) {
    return start(session(settings(gateway), gateway));
  }

  /** Takes the volume only to mend it, and waits until the session has its map. */
  VolumeSession maintain(String gateway) {
    long generation = metadata.state().volume(volumeId).generation();
    return start(session(settings(gateway).forMaintenance(generation), gateway));
  }

  private VolumeSession start(VolumeSession session) {
    boolean[] serving = new boolean[1];
    session.start(() -> serving[0] = true, () -> {}, nowNanos);
    await(() -> serving[0]);
    return session;
  }

  /** Bound of every session's window. */
  long windowBytesMax = 64L << 20;

  int windowEntriesMax = 16 << 10;

  /** After which requests of every session fail; 0 for never. */
  long requestTimeoutNanos;

  /** Room of each node, as the metadata knows it. */
  long freeBytes = 1L << 40;

  /** When sessions scrub; as somebody asks unless it says otherwise. */
  ScrubSettings scrub = ScrubSettings.onRequest();

  /** What all sessions share. */
  CatchUpPace pace = CatchUpPace.ofGateway(RepairRate.unbounded());

  private SessionSettings settings(String gateway) {
    return SessionSettings.of(gateway, gateway.hashCode(), gateway)
        .withPace(pace)
        .withScrub(scrub)
        .withWindow(windowBytesMax, windowEntriesMax)
        .withRequestTimeout(requestTimeoutNanos);
  }

  private VolumeSession session(SessionSettings settings, String gateway) {
    VolumeSession session =
        new VolumeSession(
            settings,
            "vol",
            new MetadataCalls() {
              @Override
              public void submit(Submission submission, Answer answer) {
                after(
                    MILLI,
                    () -> {
                      if (lateCommands != null && !isCutFromMetadata()) {
                        submission.sent(++commandNumber);
                        lateCommands.add(() -> apply(submission));
                        reply(null, answer);
                        return;
                      }
                      Reply reply = isCutFromMetadata() ? null : apply(submission);
                      reply(commandAnswersLost ? null : reply, answer);
                    });
              }

              @Override
              public void query(Query query, Answer answer) {
                after(MILLI, () -> reply(isCutFromMetadata() ? null : answerTo(query), answer));
              }

              private boolean isCutFromMetadata() {
                return metadataDown || cutFromMetadata.equals(gateway);
              }

              private void reply(Reply reply, Answer answer) {
                after(MILLI, () -> answer.on(reply, nowNanos));
              }
            },
            (host, port, handler) -> dial(port, handler, null, gateway),
            length -> HeapPayload.of(new byte[length]),
            () -> nowNanos);
    sessions.add(session);
    return session;
  }

  private Reply answerTo(Query query) {
    return switch (query) {
      case Query.GetChunks q -> {
        List<ChunkRecord> chunks =
            metadata.state().chunks(q.volumeId(), q.layer(), q.fromIndex(), q.limit());
        List<NodeRecord> records = metadata.state().nodes();
        yield new Reply.Chunks(chunks, records);
      }
      case Query.ConfirmGeneration q -> {
        VolumeRecord volume = metadata.state().volume(q.volumeId());
        yield volume.generation() == q.generation()
            ? new Reply.Ok()
            : new Reply.Refused(Reply.ErrorCode.STALE_GENERATION, "stale");
      }
      default -> throw new IllegalArgumentException(query.toString());
    };
  }

  ChunkRecord record(int index) {
    return metadata.state().chunk(volumeId, 0, index);
  }

  /** The answer to a request that a test waits for. */
  static final class Answer {
    boolean done;
    VolumeIo.Failure failure;
    byte[] bytes;
    String text;

    boolean ok() {
      return done && failure == null;
    }
  }

  static byte[] bytes(int length, int seed) {
    byte[] bytes = new byte[length];
    new java.util.Random(seed).nextBytes(bytes);
    return bytes;
  }

  Answer write(VolumeSession session, long offset, byte[] bytes) {
    return write(session, offset, bytes, false);
  }

  Answer write(VolumeSession session, long offset, byte[] bytes, boolean fua) {
    Answer answer = new Answer();
    HeapPayload payload = HeapPayload.of(bytes.clone());
    session.write(offset, payload, fua, failure -> end(answer, failure));
    payload.release();
    return answer;
  }

  Answer flush(VolumeSession session) {
    Answer answer = new Answer();
    session.flush(failure -> end(answer, failure));
    return answer;
  }

  Answer zero(VolumeSession session, long offset, long length) {
    Answer answer = new Answer();
    session.zero(offset, length, true, false, failure -> end(answer, failure));
    return answer;
  }

  /**
   * Where commands of sessions go instead of to the metadata, without an answer, to be applied
   * late; null while they are applied.
   */
  List<Runnable> lateCommands;

  /** Answers to commands are lost; the commands are applied. */
  boolean commandAnswersLost;

  /**
   * What kinds the blocks are, as one text: the length in blocks and h, z or d, for each extent.
   */
  Answer extents(VolumeSession session, long offset, long length) {
    Answer answer = new Answer();
    session.extents(
        offset,
        length,
        (lengths, kinds, count, failure) -> {
          StringBuilder text = new StringBuilder();
          for (int i = 0; i < count; i++) {
            text.append(lengths[i] / Frame.BLOCK_BYTES).append("hzd".charAt(kinds[i])).append(' ');
          }
          answer.text = text.toString().strip();
          end(answer, failure);
        });
    return answer;
  }

  Answer read(VolumeSession session, long offset, int length) {
    Answer answer = new Answer();
    session.read(
        offset,
        length,
        (payload, failure) -> {
          if (payload != null) {
            answer.bytes = new byte[length];
            payload.buffer().getBytes(payload.offset(), answer.bytes);
          }
          end(answer, failure);
        });
    return answer;
  }

  private static void end(Answer answer, VolumeIo.Failure failure) {
    if (answer.done) {
      throw new AssertionError("a request was answered twice");
    }
    answer.done = true;
    answer.failure = failure;
  }

  /** For {@link Node#deafTo}. */
  static final int WRITES = MessageType.WRITE;
}
