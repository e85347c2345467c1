package io.cairn.storage.replication;

import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Request;
import io.cairn.storage.wire.RequestGate;
import io.cairn.storage.wire.Status;
import java.util.ArrayDeque;
import org.agrona.DirectBuffer;
import org.agrona.collections.LongArrayList;

/**
 * The requests of a shard that change nothing: blocks, versions and extents. What a store answers
 * later is checked again when it comes (I1, I4).
 */
final class ReplicaReads {
  /** Objects that are kept for later reads; more are left to the collector. */
  private static final int READS_KEPT_MAX = 1024;

  /** Who may still read a volume. */
  interface Fences {
    /** Null, or why a request of that generation is refused. */
    Status problem(long volumeId, long generation);
  }

  private final ShardStore store;
  private final Answers answers;
  private final Fences fences;
  private final ArrayDeque<PendingRead> unused = new ArrayDeque<>();

  ReplicaReads(ShardStore store, Answers answers, Fences fences) {
    this.store = store;
    this.answers = answers;
    this.fences = fences;
  }

  boolean read(ClientLink client, long id, DirectBuffer b, int o, ChunkEntry chunk) {
    int block = Request.rangeBlock(b, o);
    int count = Request.rangeCount(b, o);
    Status problem = readProblem(chunk, block, count);
    if (problem != null) {
      return answers.refuse(client, MessageType.READ, id, problem, chunk.lastVersion(), 0);
    }
    PendingRead read = unused.isEmpty() ? new PendingRead() : unused.pop();
    read.client = client;
    read.id = id;
    read.chunk = chunk;
    read.generation = Request.generation(b, o);
    read.block = block;
    read.count = count;
    read.withVersions = (Frame.flags(b, o) & Frame.FLAG_WITH_VERSIONS) != 0;
    boolean data = (Frame.flags(b, o) & Frame.FLAG_VERIFY) != 0;
    read.sumsOnly = data || (Frame.flags(b, o) & Frame.FLAG_SUMS) != 0;
    client.readBegun(read.bytes());
    if (read.sumsOnly) {
      store.verify(chunk, block, count, data, read);
    } else {
      store.read(chunk, block, count, read);
    }
    return true;
  }

  /** One read between its request and its answer; used again after that. */
  private final class PendingRead implements ShardStore.ReadSink {
    private ClientLink client;
    private long id;
    private ChunkEntry chunk;
    private long generation;
    private int block;
    private int count;
    private boolean withVersions;

    /** Only what is known of the blocks is wanted. */
    private boolean sumsOnly;

    int bytes() {
      return count * Frame.BLOCK_BYTES;
    }

    @Override
    public void onBlocks(int[] crcs, long[] versions, Payload payload) {
      client.readEnded(bytes());
      if (answerable(client, MessageType.READ, id, chunk, generation)) {
        answers.read(
            client,
            id,
            chunk,
            block,
            count,
            crcs,
            withVersions ? versions : null,
            sumsOnly ? null : payload);
      }
      giveBack();
    }

    @Override
    public void onUnreadable(int bad, String reason) {
      client.readEnded(bytes());
      if (answerable(client, MessageType.READ, id, chunk, generation)) {
        answers.refuse(client, MessageType.READ, id, Status.UNREADABLE, chunk.lastVersion(), bad);
      }
      giveBack();
    }

    private void giveBack() {
      client = null;
      chunk = null;
      if (unused.size() < READS_KEPT_MAX) {
        unused.push(this);
      }
    }
  }

  private static Status readProblem(ChunkEntry chunk, int block, int count) {
    if (RequestGate.rangeProblem(block, count, chunk.sizeBlocks()) != null) {
      return Status.INVALID;
    }
    return chunk.syncing() ? Status.SYNCING : null;
  }

  /** A read that took its time: the fence, and the replica's state, count when it is answered. */
  private boolean answerable(
      ClientLink client, int type, long id, ChunkEntry chunk, long generation) {
    if (client.dead) {
      return false;
    }
    Status problem = fences.problem(chunk.volumeId(), generation);
    if (problem == null && chunk.syncing()) {
      problem = Status.SYNCING;
    }
    if (problem != null) {
      answers.refuse(client, type, id, problem, chunk.lastVersion(), store.fence(chunk.volumeId()));
    }
    return problem == null;
  }

  boolean versions(ClientLink client, long id, DirectBuffer b, int o, ChunkEntry chunk) {
    int block = Request.rangeBlock(b, o);
    int count = Request.rangeCount(b, o);
    Status problem = readProblem(chunk, block, count);
    if (problem == null && chunk.lastVersion() < Request.versionsMinLast(b, o)) {
      problem = Status.BEHIND;
    }
    if (problem != null) {
      return answers.refuse(
          client, MessageType.VERSIONS, id, problem, chunk.lastVersion(), chunk.lastVersion());
    }
    store.readVersions(
        chunk,
        block,
        count,
        new ListSink(client, MessageType.VERSIONS, id, chunk, Request.generation(b, o)) {
          @Override
          void answer(LongArrayList values) {
            answers.versions(client, id, chunk, block, count, values);
          }
        });
    return true;
  }

  boolean extents(ClientLink client, long id, DirectBuffer b, int o, ChunkEntry chunk) {
    int block = Request.rangeBlock(b, o);
    int count = Request.rangeCount(b, o);
    Status problem = readProblem(chunk, block, count);
    if (problem != null) {
      return answers.refuse(client, MessageType.EXTENTS, id, problem, chunk.lastVersion(), 0);
    }
    store.readExtents(
        chunk,
        block,
        count,
        new ListSink(client, MessageType.EXTENTS, id, chunk, Request.generation(b, o)) {
          @Override
          void answer(LongArrayList values) {
            answers.extents(client, id, chunk, values);
          }
        });
    return true;
  }

  /** Answers a request for a list once the store has it. */
  private abstract class ListSink implements ShardStore.VersionsSink {
    private final ClientLink client;
    private final int type;
    private final long id;
    private final ChunkEntry chunk;
    private final long generation;

    ListSink(ClientLink client, int type, long id, ChunkEntry chunk, long generation) {
      this.client = client;
      this.type = type;
      this.id = id;
      this.chunk = chunk;
      this.generation = generation;
    }

    abstract void answer(LongArrayList values);

    @Override
    public final void onVersions(LongArrayList values) {
      if (answerable(client, type, id, chunk, generation)) {
        answer(values);
      }
    }

    @Override
    public final void onUnreadable(int block, String reason) {
      if (answerable(client, type, id, chunk, generation)) {
        answers.refuse(client, type, id, Status.UNREADABLE, chunk.lastVersion(), block);
      }
    }
  }
}
