package io.cairn.metadata.ratis;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.placement.Candidate;
import java.util.List;

/**
 * What a log entry holds.
 *
 * @param clientId with number, names the command over all retries.
 * @param level of the client's release; 0 from one that did not say.
 * @param candidates nodes that were up and their room, as the leader knew them when it took the
 *     command: every server decides with the same.
 * @param atMillis the leader's clock when it took the command, since 1970; null before it did, and
 *     in what older releases wrote.
 */
record Entry(
    long clientId,
    long number,
    int level,
    Command command,
    List<Candidate> candidates,
    Long atMillis) {
  Entry {
    candidates = candidates == null ? List.of() : List.copyOf(candidates);
  }

  /** A command as a client sends it. */
  Entry(long clientId, long number, int level, Command command, List<Candidate> candidates) {
    this(clientId, number, level, command, candidates, null);
  }

  Entry with(List<Candidate> leaderCandidates, long leaderMillis) {
    return new Entry(clientId, number, level, command, leaderCandidates, leaderMillis);
  }

  /** When the leader took it; 0 where that is not known. */
  long takenMillis() {
    return atMillis == null ? 0 : atMillis;
  }
}
