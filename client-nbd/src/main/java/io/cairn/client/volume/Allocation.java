package io.cairn.client.volume;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Has chunks allocated, one command at a time, and some more in front of a writer that goes on in
 * order. Begins only when no stale owner can still take the place for empty.
 */
final class Allocation {
  /** Chunks that are allocated in front of a sequential writer at first, and at most. */
  private static final int AHEAD_MIN = 4;

  private static final int AHEAD_MAX = 64;

  /** As many bytes of chunks are enough for the most: twice as many each time must not run away. */
  private static final long AHEAD_BYTES = 256L << 20;

  private final VolumeSession session;
  private final Map<Integer, List<Runnable>> waiting = new LinkedHashMap<>();
  private boolean underWay;

  /** Chunks in front of the writer that were asked for last, and where they begin and end. */
  private int ahead = AHEAD_MIN;

  private int aheadOf = -1;
  private int aheadEnd = -1;

  /**
   * Whether a chunk may exist that we do not know, on a node that we do not know: since an
   * allocation was sent and until one is answered.
   */
  private boolean unsure;

  /** Chunks in commands whose outcome is not known. */
  private final Set<Integer> asked = new LinkedHashSet<>();

  private final List<Runnable> afterAnswer = new ArrayList<>();

  /** Why the last command was refused; null when it was not. */
  private Reply.Refused refusal;

  Allocation(VolumeSession session) {
    this.session = session;
  }

  boolean isEmpty() {
    return waiting.isEmpty();
  }

  /** Whether the metadata may have given the volume chunks of which we did not hear. */
  boolean isUnsure() {
    return unsure;
  }

  /**
   * Whether the chunk may exist although we do not know it. No lease covers a read of it: the next
   * owner knows it from the record and does not wait for us.
   */
  boolean mayExist(int index) {
    return asked.contains(index);
  }

  /** Runs the action when more is known of what may exist. */
  void afterAnswer(Runnable action) {
    afterAnswer.add(action);
  }

  /** Whether chunks wait because no node has room for them. */
  boolean lacksSpace() {
    return refusal != null && refusal.code() == Reply.ErrorCode.NO_PLACEMENT;
  }

  /** Why the metadata gives no chunks, or null. */
  String refusalMessage() {
    return refusal == null || waiting.isEmpty() ? null : refusal.message();
  }

  void describe(StringBuilder text) {
    text.append(waiting.size()).append(" chunks to allocate");
    if (refusal != null) {
      text.append(", refused: ").append(refusal.message());
    }
    text.append('\n');
  }

  /** Runs the action when the chunk exists; allocates it if need be. */
  void allocate(int index, Runnable action) {
    if (session.chunk(index) != null) {
      action.run();
      return;
    }
    waiting.computeIfAbsent(index, key -> new ArrayList<>()).add(action);
    session.wake();
    allocateNow();
  }

  /**
   * Sends the allocation once no stale owner can still take the place for empty: its lease of what
   * does not exist has ended.
   */
  void allocateNow() {
    if (waiting.isEmpty() || underWay || session.now() < session.ownership.allocationGateNanos()) {
      return;
    }
    underWay = true;
    boolean wasUnsure = unsure;
    unsure = true;
    asked.addAll(withThoseAhead());
    List<Integer> indices = List.copyOf(asked);
    session.metadata.submit(
        new Command.AllocateChunks(session.volumeId(), session.generation(), 0, indices, ""),
        (reply, now) -> {
          underWay = false;
          refusal = reply instanceof Reply.Refused refused ? refused : null;
          // A refusal says nothing of an earlier command that was not answered.
          unsure = reply == null || wasUnsure && !(reply instanceof Reply.Chunks);
          if (!unsure) {
            asked.clear();
          }
          session.onAllocated(reply, now, () -> allocated(indices));
          runAfterAnswer();
        });
  }

  private void runAfterAnswer() {
    List<Runnable> actions = List.copyOf(afterAnswer);
    afterAnswer.clear();
    actions.forEach(Runnable::run);
  }

  private void allocated(List<Integer> indices) {
    for (int index : indices) {
      List<Runnable> actions = waiting.remove(index);
      if (actions != null) {
        actions.forEach(Runnable::run);
      }
    }
  }

  /** The chunks that are asked for, and some more in front of a writer that goes on in order. */
  private Set<Integer> withThoseAhead() {
    Set<Integer> indices = new LinkedHashSet<>(waiting.keySet());
    long chunkCount = (session.sizeBytes() - 1) / session.chunkSizeBytes() + 1;
    for (int index : waiting.keySet()) {
      if (session.chunk(index - 1) == null) {
        continue;
      }
      growAhead(index);
      for (int next = index + 1; next < Math.min(aheadEnd, chunkCount); next++) {
        if (session.chunk(next) == null) {
          indices.add(next);
        }
      }
    }
    return indices;
  }

  /** A writer that came through all that was allocated ahead of it gets twice as many. */
  private void growAhead(int index) {
    if (index == aheadOf) {
      // Asked again, as the last command was not answered.
      return;
    }
    long most = Math.clamp(AHEAD_BYTES / session.chunkSizeBytes(), AHEAD_MIN, AHEAD_MAX);
    ahead = index == aheadEnd ? (int) Math.min(most, 2L * ahead) : AHEAD_MIN;
    aheadOf = index;
    aheadEnd = index + 1 + ahead;
  }

  static boolean isStale(Reply reply) {
    return reply instanceof Reply.Refused refused
        && (refused.code() == Reply.ErrorCode.STALE_GENERATION
            || refused.code() == Reply.ErrorCode.NOT_FOUND);
  }

  void abandon() {
    waiting.clear();
    afterAnswer.clear();
  }
}
