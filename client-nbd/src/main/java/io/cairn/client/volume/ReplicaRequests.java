package io.cairn.client.volume;

import io.cairn.metadata.model.ChunkRecord;
import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Reply;
import io.cairn.storage.wire.Request;
import io.cairn.storage.wire.Status;
import org.agrona.DirectBuffer;

/** The requests of one chunk to its replicas. An answer counts only for the era it was asked in. */
final class ReplicaRequests {
  private final OwnedChunk chunk;

  ReplicaRequests(OwnedChunk chunk) {
    this.chunk = chunk;
  }

  /** Hears a good answer. */
  interface Good {
    void on(DirectBuffer header, int offset, long nowNanos);
  }

  /** Asks for state and position. */
  void open(OwnedReplica replica, Good good, long nowNanos) {
    NodeLink link = replica.node.link;
    ChunkRecord record = chunk.record();
    int length =
        link.request.bare(
            link.out(),
            0,
            MessageType.OPEN,
            link.nextRequestId(),
            link.nodeId,
            record.volumeId(),
            record.layer(),
            record.index(),
            chunk.session.generation());
    send(replica, length, good, nowNanos);
  }

  void create(OwnedReplica replica, Good good, long nowNanos) {
    NodeLink link = replica.node.link;
    ChunkRecord record = chunk.record();
    int length =
        link.request.create(
            link.out(),
            0,
            link.nextRequestId(),
            link.nodeId,
            record.volumeId(),
            record.layer(),
            record.index(),
            chunk.session.generation(),
            chunk.session.chunkBlocks());
    send(replica, length, good, nowNanos);
  }

  void catchUp(
      OwnedReplica replica,
      OwnedReplica source,
      long base,
      int copyPace,
      boolean leavesUnreadable,
      Good good,
      long nowNanos) {
    NodeLink link = replica.node.link;
    ChunkRecord record = chunk.record();
    int length =
        link.request.catchUp(
            link.out(),
            0,
            link.nextRequestId(),
            link.nodeId,
            record.volumeId(),
            record.layer(),
            record.index(),
            chunk.session.generation(),
            base,
            chunk.session.nextAttempt(),
            source.node.link.nodeId,
            chunk.session.chunkBlocks(),
            source.node.link.host(),
            source.node.link.port(),
            copyPace,
            leavesUnreadable ? Request.OPTION_LEAVE_UNREADABLE : 0);
    replica.node.copiesAt(copyPace);
    send(replica, length, good, nowNanos);
  }

  /** Sends a write, or zeroes; the chunk hears of a good answer. */
  void write(OwnedReplica replica, WriteOp op, long nowNanos) {
    NodeLink link = replica.node.link;
    ChunkRecord record = chunk.record();
    int flags = (op.durable ? Frame.FLAG_DURABLE : 0) | (op.noHole ? Frame.FLAG_NO_HOLE : 0);
    int length;
    if (op.payload == null) {
      length =
          link.request.zero(
              link.out(),
              0,
              flags,
              link.nextRequestId(),
              link.nodeId,
              record.volumeId(),
              record.layer(),
              record.index(),
              chunk.session.generation(),
              op.version,
              op.block,
              op.count);
    } else {
      for (int i = 0; i < op.count; i++) {
        Request.putCrc(link.out(), 0, i, op.crcs[i]);
      }
      length =
          link.request.write(
              link.out(),
              0,
              flags,
              link.nextRequestId(),
              link.nodeId,
              record.volumeId(),
              record.layer(),
              record.index(),
              chunk.session.generation(),
              op.version,
              op.block,
              op.count);
    }
    WriteSent sent = chunk.session.window.takeSent();
    sent.chunk = chunk;
    sent.replica = replica;
    sent.op = op;
    sent.era = replica.era;
    op.reference();
    link.send(length, op.payload, sent, nowNanos);
  }

  /** A write on its way to one replica. */
  static final class WriteSent implements NodeLink.Pending {
    private OwnedChunk chunk;
    private OwnedReplica replica;
    private WriteOp op;
    private int era;

    @Override
    public void onReply(
        Status status, DirectBuffer header, int offset, Payload unused, long sentNanos, long now) {
      replica.node.link.roundTrip(sentNanos, now);
      boolean ok = replica.node.check(status, sentNanos, now);
      if (replica.era == era && !chunk.session.isOver()) {
        if (ok) {
          chunk.onWritten(op, replica, Reply.appendedLsn(header, offset), now);
        } else {
          chunk.failed(replica, status, now);
        }
      }
      end();
    }

    @Override
    public void onLost(long now) {
      end();
    }

    private void end() {
      WriteOp ended = op;
      WriteWindow window = chunk.session.window;
      chunk = null;
      replica = null;
      op = null;
      window.give(this);
      ended.dereference();
    }
  }

  private void send(OwnedReplica replica, int length, Good good, long nowNanos) {
    int era = replica.era;
    replica.node.link.send(
        length,
        null,
        new NodeLink.Pending() {
          @Override
          public void onReply(
              Status status,
              DirectBuffer header,
              int offset,
              Payload unused,
              long sentNanos,
              long now) {
            boolean ok = replica.node.check(status, sentNanos, now);
            if (replica.era != era || chunk.session.isOver()) {
              return;
            }
            if (ok) {
              good.on(header, offset, now);
              return;
            }
            if (status == Status.SOURCE_FAILED && Reply.lastVersion(header, offset) > 0) {
              replica.sourceCannotRead(now);
            }
            chunk.failed(replica, status, now);
          }

          @Override
          public void onLost(long now) {}
        },
        nowNanos);
  }
}
