package io.cairn.storage.replication;

import java.util.Collection;
import java.util.List;
import java.util.TreeSet;

/**
 * Gives back the chunks that the metadata says are not this node's any more. They are asked about
 * page by page; a round ends when all were.
 *
 * <p>An answer is as old as its question: the chunk may have been placed here again since. But then
 * its owner must open it here, after that and so after the question, before it counts on it. So a
 * chunk that any request reached since it was asked about stays, whatever the answer says; and an
 * owner that comes later finds it absent, as on a node that never had it.
 *
 * <pre>
 * RESTING --ask--> ASKED --answer to that question--> RESTING
 *                  ASKED --ask: the answer did not come--> ASKED
 * </pre>
 */
public final class Strays {
  /** Chunks given back for one answer: each is a file to be moved and space to be freed. */
  static final int GIVEN_BACK_MAX = 32;

  private final ShardStore store;
  private final CatchUps catchUps;
  private final ReplicaCounters counters;

  /** Those asked about that nobody used since. */
  private final TreeSet<ChunkName> unused = new TreeSet<>();

  private long questions;

  /** The number of the question that has no answer yet; 0 when none is out. */
  private long openQuestion;

  /** The last chunk that was dealt with in this round; null at its begin. */
  private ChunkName done;

  private ChunkName lastAsked;

  Strays(ShardStore store, CatchUps catchUps, ReplicaCounters counters) {
    this.store = store;
    this.catchUps = catchUps;
    this.counters = counters;
  }

  /**
   * What is to be asked.
   *
   * @param number names the question in {@link #answered}.
   * @param chunks the next that the shard holds; empty at the end of a round, and the next question
   *     begins another.
   */
  public record Question(long number, List<ChunkName> chunks) {
    /** Nothing is to be asked. */
    public static final Question NONE = new Question(0, List.of());
  }

  /**
   * The next question; one that was not answered counts for nothing from now on. The metadata must
   * be asked after this, by a linearizable read.
   */
  public Question ask(int chunksMax) {
    unused.clear();
    List<ChunkName> chunks = store.chunksAfter(done, chunksMax);
    if (chunks.isEmpty()) {
      openQuestion = 0;
      done = null;
      return Question.NONE;
    }
    unused.addAll(chunks);
    lastAsked = chunks.getLast();
    openQuestion = ++questions;
    return new Question(openQuestion, chunks);
  }

  /** A request that was not refused as a stale owner's names the chunk. */
  void used(long volumeId, int layer, int index) {
    if (openQuestion != 0) {
      unused.remove(new ChunkName(volumeId, layer, index));
    }
  }

  /**
   * The answer to a question: some of the chunks are not the node's own. Does nothing when it is
   * late. What is too much for one turn, or finds no room in the journal, is asked about again.
   */
  void answered(long question, Collection<ChunkName> strays) {
    if (question != openQuestion || question == 0) {
      return;
    }
    openQuestion = 0;
    int left = GIVEN_BACK_MAX;
    for (ChunkName name : new TreeSet<>(strays)) {
      ChunkEntry chunk = store.find(name.volumeId(), name.layer(), name.index());
      if (chunk == null || !unused.contains(name)) {
        continue;
      }
      if (left == 0 || !store.hasRoom(0)) {
        return;
      }
      // First: a catch-up that went on would write to what is gone.
      catchUps.abort(name);
      store.trashChunk(chunk);
      counters.givenBack++;
      left--;
      done = name;
    }
    done = lastAsked;
  }
}
