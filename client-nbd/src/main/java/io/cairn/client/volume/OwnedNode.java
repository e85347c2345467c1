package io.cairn.client.volume;

import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Reply;
import io.cairn.storage.wire.Status;
import org.agrona.DirectBuffer;

/**
 * One shard of one node, as far as one session uses it: its fence, its lease, what is not durable.
 */
final class OwnedNode implements NodeLink.Listener {
  private static final int SEVERAL_PACES = -1;
  private static final long FENCE_TIMEOUT_NANOS = 10_000_000_000L;

  final VolumeSession session;
  final NodeLink link;
  private final UnsyncedWrites unsynced = new UnsyncedWrites();

  /** Fenced on the present connection: the volume's requests may be sent. */
  boolean ready;

  /** Send time of the newest request of our generation that was answered (I4). */
  long confirmedSendNanos = Long.MIN_VALUE;

  /** When it took our fence for the first time; Long.MAX_VALUE before. */
  long firstFencedNanos = Long.MAX_VALUE;

  /** Since when it is not ready. */
  long unreadySinceNanos;

  /** Since when it was ready the last time. */
  long readySinceNanos = Long.MIN_VALUE;

  private long upSinceNanos;
  private boolean pinging;

  /** The pace of all that is copied to this shard; SEVERAL_PACES until it is told one again. */
  private int copyPace = SEVERAL_PACES;

  private long syncAskedLsn;

  OwnedNode(VolumeSession session, NodeLinkFactory links, long nowNanos) {
    this.session = session;
    this.unreadySinceNanos = nowNanos;
    this.link = links.make(this);
  }

  /** Makes the link whose listener is the node. */
  interface NodeLinkFactory {
    NodeLink make(NodeLink.Listener listener);
  }

  @Override
  public void onUp(NodeLink up, long nowNanos) {
    upSinceNanos = nowNanos;
    fence(nowNanos);
  }

  private void fence(long nowNanos) {
    int length =
        link.request.bare(
            link.out(),
            0,
            MessageType.FENCE,
            link.nextRequestId(),
            link.nodeId,
            session.volumeId(),
            0,
            0,
            session.generation());
    sendBare(
        MessageType.FENCE,
        length,
        nowNanos,
        (header, offset) -> {
          ready = true;
          readySinceNanos = session.now();
          firstFencedNanos = Math.min(firstFencedNanos, session.now());
          session.onNodeReady(this, session.now());
        });
  }

  /** Asks for a confirmation of the generation, unless one is under way. */
  void ping(long nowNanos) {
    if (ready && !pinging) {
      pinging = true;
      copyPace = session.mending.copyPace();
      int length =
          link.request.ping(
              link.out(),
              0,
              link.nextRequestId(),
              link.nodeId,
              session.volumeId(),
              session.generation(),
              copyPace);
      sendBare(
          MessageType.PING,
          length,
          nowNanos,
          (header, offset) -> {
            pinging = false;
            session.mending.unfinished.onNamed(this, Reply.detail(header, offset), session.now());
          });
    }
  }

  /** Tells the shard of another pace for the chunks that catch up there. */
  void pace(int newPace, long nowNanos) {
    if (newPace != copyPace) {
      ping(nowNanos);
    }
  }

  /** A chunk begins to be copied there at a pace, which others may not have. */
  void copiesAt(int pace) {
    if (pace != copyPace) {
      copyPace = SEVERAL_PACES;
    }
  }

  /** Hears of an answer that is good; its bytes are borrowed. */
  private interface Confirmed {
    void onReply(DirectBuffer header, int offset);
  }

  private void sendBare(int type, int length, long nowNanos, Confirmed confirmed) {
    link.send(
        length,
        null,
        new NodeLink.Pending() {
          @Override
          public void onReply(
              Status status,
              DirectBuffer header,
              int offset,
              Payload payload,
              long sentNanos,
              long now) {
            if (check(status, sentNanos, now)) {
              confirmed.onReply(header, offset);
              return;
            }
            pinging = false;
            if (type == MessageType.FENCE && !session.isOver()) {
              // A node that cannot be fenced is of no use; dial again later and ask again.
              link.reset(now);
            }
          }

          @Override
          public void onLost(long now) {
            pinging = false;
          }
        },
        nowNanos);
  }

  /** Takes a reply's meaning for fence and lease; true when it is OK. */
  boolean check(Status status, long sentNanos, long nowNanos) {
    if (status == Status.OK) {
      if (sentNanos > confirmedSendNanos) {
        confirmedSendNanos = sentNanos;
        session.onConfirmed(nowNanos);
      }
      return true;
    }
    if (status == Status.STALE_GENERATION) {
      session.onFenced(nowNanos);
    } else if (status == Status.NOT_FENCED || status == Status.DEVICE_FAILED) {
      // The shard is not what it was when we fenced it: begin anew with it.
      link.reset(nowNanos);
    }
    return false;
  }

  @Override
  public void onDown(NodeLink down, long nowNanos) {
    if (ready) {
      ready = false;
      // Silence counts from when it began: a hung node has used its grace already.
      unreadySinceNanos = Math.min(nowNanos, down.lastHeardNanos());
    }
    unsynced.clear();
    syncAskedLsn = 0;
    pinging = false;
    session.mending.unfinished.onDown(this);
    session.onNodeDown(this, nowNanos);
  }

  @Override
  public void onRefused(NodeLink refusing, long nowNanos) {
    if (hasEnded()) {
      session.onProgress(nowNanos);
    }
  }

  /**
   * Whether the process that served us has ended, by all that is seen. One that never served this
   * session may be starting with all the others, and is given its time.
   */
  boolean hasEnded() {
    return firstFencedNanos != Long.MAX_VALUE && link.isRefused();
  }

  /** Asks with our generation: so an idle owner keeps its lease, or hears that it is fenced. */
  @Override
  public boolean onIdle(NodeLink idle, long nowNanos) {
    if (ready) {
      pinging = false;
      ping(nowNanos);
      return true;
    }
    if (nowNanos - upSinceNanos >= FENCE_TIMEOUT_NANOS) {
      // It greets and keeps silent about the fence: another connection may fare better.
      idle.reset(nowNanos);
      return true;
    }
    return false;
  }

  @Override
  public void onDurable(NodeLink of, long durableLsn, long nowNanos) {
    while (!unsynced.isEmpty() && unsynced.firstLsn() <= durableLsn) {
      int bit = unsynced.firstBit();
      WriteOp op = unsynced.removeFirst();
      op.durableMask |= 1 << bit;
      op.chunk.onDurable(op);
      op.dereference();
    }
    session.onNodeDurable(this, nowNanos);
  }

  /** A replica of this node holds the write since the given journal position. */
  void holds(WriteOp op, int bit, long lsn) {
    if (lsn <= link.durableLsn()) {
      op.durableMask |= 1 << bit;
    } else {
      unsynced.add(op, bit, lsn);
    }
  }

  /** The chunk's replica here is none any more: its bit may be another's. */
  void forget(OwnedChunk chunk, int bit) {
    unsynced.forget(chunk, bit);
  }

  /** Asks that what is held become durable now. */
  void sync(long nowNanos) {
    if (!unsynced.isEmpty()) {
      syncTo(unsynced.lastLsn(), nowNanos);
    }
  }

  /** Asks that the shard's journal become durable up to the position. */
  void syncTo(long lsn, long nowNanos) {
    if (!ready || lsn <= syncAskedLsn || lsn <= link.durableLsn()) {
      return;
    }
    syncAskedLsn = lsn;
    int length = link.request.sync(link.out(), 0, link.nextRequestId(), link.nodeId, syncAskedLsn);
    link.send(
        length,
        null,
        new NodeLink.Pending() {
          @Override
          public void onReply(
              Status status,
              DirectBuffer header,
              int offset,
              Payload payload,
              long sentNanos,
              long now) {
            onDurable(link, Reply.durableLsn(header, offset), now);
          }

          @Override
          public void onLost(long now) {}
        },
        nowNanos);
  }
}
