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
 */
record Entry(long clientId, long number, int level, Command command, List<Candidate> candidates) {
  Entry {
    candidates = candidates == null ? List.of() : List.copyOf(candidates);
  }

  Entry with(List<Candidate> leaderCandidates) {
    return new Entry(clientId, number, level, command, leaderCandidates);
  }
}
