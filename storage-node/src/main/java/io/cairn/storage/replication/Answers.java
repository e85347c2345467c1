package io.cairn.storage.replication;

import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Reply;
import io.cairn.storage.wire.Status;
import java.util.ArrayDeque;
import java.util.PriorityQueue;
import org.agrona.collections.LongArrayList;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * What a shard sends back: each reply is encoded into one buffer and carries what is appended and
 * what is durable (I7). Answers that must wait for the journal wait here, and their objects are
 * used again, so that a steady stream of requests allocates nothing.
 */
final class Answers {
  /** Objects that are kept for later waits; more are left to the collector. */
  private static final int WAITS_KEPT_MAX = 4096;

  private final ShardStore store;
  private final ReplicaCounters counters;
  private final Reply reply = new Reply();
  private final UnsafeBuffer out = new UnsafeBuffer(new byte[Frame.HEADER_BYTES_MAX]);
  private final PriorityQueue<DurableWait> waits = new PriorityQueue<>();
  private final ArrayDeque<DurableWait> unused = new ArrayDeque<>();
  private long waitOrder;

  /** An answer that waits for the journal to be durable. */
  private static final class DurableWait implements Comparable<DurableWait> {
    long lsn;
    long order;
    ClientLink link;
    int type;
    long requestId;
    long lastVersion;
    long detail;

    @Override
    public int compareTo(DurableWait other) {
      int byLsn = Long.compare(lsn, other.lsn);
      return byLsn != 0 ? byLsn : Long.compare(order, other.order);
    }
  }

  Answers(ShardStore store, ReplicaCounters counters) {
    this.store = store;
    this.counters = counters;
  }

  /** Answers without fields of their own; always true, for the callers that end with it. */
  boolean ok(ClientLink client, int type, long id, long lastVersion, long detail) {
    int length =
        reply.bare(
            out,
            0,
            type,
            id,
            Status.OK,
            store.appendedLsn(),
            store.durableLsn(),
            lastVersion,
            detail);
    send(client, length, null);
    return true;
  }

  /** Sends a refusal; always true, for the callers that end with it. */
  boolean refuse(
      ClientLink client, int type, long id, Status status, long lastVersion, long detail) {
    counters.refusal(status);
    int length =
        reply.bare(
            out, 0, type, id, status, store.appendedLsn(), store.durableLsn(), lastVersion, detail);
    send(client, length, null);
    return true;
  }

  void hello(
      ClientLink client,
      long id,
      long nodeId,
      long incarnation,
      int shardCount,
      long lostIncarnation) {
    int length =
        reply.hello(
            out,
            0,
            id,
            store.appendedLsn(),
            store.durableLsn(),
            nodeId,
            incarnation,
            shardCount,
            lostIncarnation);
    send(client, length, null);
  }

  /** What the shard knows of a chunk, which may be null. */
  void open(ClientLink client, long id, int state, ChunkEntry chunk, long chunksLost) {
    int length =
        reply.open(
            out,
            0,
            id,
            store.appendedLsn(),
            store.durableLsn(),
            chunk == null ? 0 : chunk.lastVersion(),
            state,
            chunk == null ? 0 : chunk.sizeBlocks(),
            chunksLost);
    send(client, length, null);
  }

  /** Blocks, or what is known of them when the payload is null; versions may be null. */
  void read(
      ClientLink client,
      long id,
      ChunkEntry chunk,
      int block,
      int count,
      int[] crcs,
      long[] versions,
      Payload payload) {
    int payloadBytes = payload == null ? 0 : payload.length();
    int length =
        reply.read(
            out,
            0,
            id,
            store.appendedLsn(),
            store.durableLsn(),
            chunk.lastVersion(),
            block,
            count,
            crcs,
            versions,
            payloadBytes);
    counters.readBytes += payloadBytes;
    send(client, length, payload);
  }

  void versions(
      ClientLink client, long id, ChunkEntry chunk, int block, int count, LongArrayList values) {
    for (int i = 0; i < count; i++) {
      Reply.putItem(out, 0, i, values.getLong(i));
    }
    int length =
        reply.versions(
            out, 0, id, store.appendedLsn(), store.durableLsn(), chunk.lastVersion(), block, count);
    send(client, length, null);
  }

  /** Extents as triples of offset, count and kind. */
  void extents(ClientLink client, long id, ChunkEntry chunk, LongArrayList values) {
    int extentCount = values.size() / 3;
    for (int i = 0; i < extentCount; i++) {
      Reply.putExtent(
          out,
          0,
          i,
          (int) values.getLong(3 * i),
          (int) values.getLong(3 * i + 1),
          (int) values.getLong(3 * i + 2));
    }
    int length =
        reply.extents(
            out, 0, id, store.appendedLsn(), store.durableLsn(), chunk.lastVersion(), extentCount);
    send(client, length, null);
  }

  private void send(ClientLink client, int headerLength, Payload payload) {
    if (client.dead) {
      return;
    }
    client.reportedDurableLsn = store.durableLsn();
    client.link.send(out, 0, headerLength, payload);
  }

  /** Answers once everything before the position is durable, and asks for that. */
  void whenDurable(ClientLink client, int type, long id, long lsn, long lastVersion, long detail) {
    if (store.durableLsn() >= lsn) {
      if (!client.dead) {
        ok(client, type, id, lastVersion, detail);
      }
      return;
    }
    DurableWait wait = unused.isEmpty() ? new DurableWait() : unused.pop();
    wait.lsn = lsn;
    wait.order = waitOrder++;
    wait.link = client;
    wait.type = type;
    wait.requestId = id;
    wait.lastVersion = lastVersion;
    wait.detail = detail;
    waits.add(wait);
    store.requestSync(lsn);
  }

  /** Sends what waited for this. */
  void onDurable(long durableLsn) {
    while (!waits.isEmpty() && waits.peek().lsn <= durableLsn) {
      DurableWait wait = waits.remove();
      ClientLink link = wait.link;
      if (!link.dead) {
        ok(link, wait.type, wait.requestId, wait.lastVersion, wait.detail);
      }
      wait.link = null;
      if (unused.size() < WAITS_KEPT_MAX) {
        unused.push(wait);
      }
    }
  }

  /** Tells a client that does not know it yet what is durable of that which it was answered. */
  void tellDurable(ClientLink client, long durableLsn) {
    if (!client.dead && client.greeted && client.ackedLsn > client.reportedDurableLsn) {
      int length = reply.durable(out, 0, store.appendedLsn(), durableLsn);
      send(client, length, null);
    }
  }

  /** The device failed: what waits is never answered. */
  void forgetWaits() {
    waits.clear();
  }
}
