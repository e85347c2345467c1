package io.cairn.client.volume;

import io.cairn.client.volume.OwnedReplica.Phase;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Reply;
import io.cairn.storage.wire.Status;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.agrona.DirectBuffer;

/**
 * One question to all in-sync replicas of a chunk at one time: what they know of a range of blocks,
 * and whether their data is what they know. It counts only when all of them have answered.
 */
final class ScrubLook {
  /** What one replica said. */
  static final class Answer {
    final OwnedReplica replica;
    private final int era;

    /** Whether it could read the range and found its checksums right. */
    boolean readable;

    /** Of the range; null when it was not readable. */
    int[] crcs;

    long[] versions;

    private Answer(OwnedReplica replica) {
      this.replica = replica;
      this.era = replica.era;
    }
  }

  /** Hears the end, once, unless the session ends before. */
  interface Done {
    /** All answers are there, or {@link ScrubLook#failed}. */
    void on(ScrubLook look, long nowNanos);
  }

  final int block;
  final int count;
  final List<Answer> answers = new ArrayList<>();
  private final OwnedChunk chunk;
  private final int flag;
  private final Done done;
  private int outstanding;
  private boolean failed;

  /**
   * A question that was not asked yet.
   *
   * @param data whether the data is read; else only what is known of it is told.
   */
  ScrubLook(OwnedChunk chunk, int block, int count, boolean data, Done done) {
    this.chunk = chunk;
    this.block = block;
    this.count = count;
    this.flag = data ? Frame.FLAG_VERIFY : Frame.FLAG_SUMS;
    this.done = done;
  }

  /** Whether some replica did not answer, or is not in sync any more. */
  boolean failed() {
    return failed;
  }

  /** Whether some replica could not read the range. */
  boolean someUnreadable() {
    for (Answer answer : answers) {
      if (!answer.readable) {
        return true;
      }
    }
    return false;
  }

  /** Whether two replicas know other things of a block; all must be readable. */
  boolean differs(int index) {
    Answer first = answers.getFirst();
    for (Answer answer : answers) {
      if (answer.versions[index] != first.versions[index]
          || answer.crcs[index] != first.crcs[index]) {
        return true;
      }
    }
    return false;
  }

  /** Asks; false when not every replica in sync can be asked now, and nobody was. */
  boolean ask(long nowNanos) {
    for (OwnedReplica replica : chunk.replicas()) {
      if (replica.inSync()) {
        if (replica.phase != Phase.LIVE
            || !replica.node.ready
            || !chunk.holdsAllCompleted(replica)) {
          return false;
        }
        answers.add(new Answer(replica));
      }
    }
    outstanding = answers.size();
    for (Answer answer : answers) {
      send(answer, nowNanos);
    }
    return !answers.isEmpty();
  }

  private void send(Answer answer, long nowNanos) {
    ChunkRecord record = chunk.record();
    NodeLink link = answer.replica.node.link;
    int length =
        link.request.range(
            link.out(),
            0,
            MessageType.READ,
            Frame.FLAG_WITH_VERSIONS | flag,
            link.nextRequestId(),
            link.nodeId,
            record.volumeId(),
            record.layer(),
            record.index(),
            chunk.session.generation(),
            block,
            count,
            0);
    link.send(
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
            boolean ok = answer.replica.node.check(status, sentNanos, now);
            failed |= !take(answer, ok, status, header, offset);
            ended(now);
          }

          @Override
          public void onLost(long now) {
            failed = true;
            ended(now);
          }
        },
        nowNanos);
  }

  /** False when the answer is of no use. */
  private boolean take(Answer answer, boolean ok, Status status, DirectBuffer header, int offset) {
    OwnedReplica replica = answer.replica;
    if (replica.era != answer.era || !replica.inSync() || replica.phase != Phase.LIVE) {
      return false;
    }
    if (status == Status.UNREADABLE) {
      return true;
    }
    if (!ok
        || Reply.rangeBlock(header, offset) != block
        || Reply.rangeCount(header, offset) != count
        || (Frame.flags(header, offset) & Frame.FLAG_WITH_VERSIONS) == 0
        || Frame.headerLength(header, offset) < Reply.versionsOffset(count) + 8 * count) {
      return false;
    }
    answer.readable = true;
    answer.crcs = new int[count];
    answer.versions = new long[count];
    int versionsAt = offset + Reply.versionsOffset(count);
    for (int i = 0; i < count; i++) {
      answer.crcs[i] = Reply.crc(header, offset, i);
      answer.versions[i] = header.getLong(versionsAt + 8 * i, ByteOrder.LITTLE_ENDIAN);
    }
    return true;
  }

  private void ended(long nowNanos) {
    if (--outstanding == 0 && !chunk.session.isOver()) {
      done.on(this, nowNanos);
    }
  }
}
