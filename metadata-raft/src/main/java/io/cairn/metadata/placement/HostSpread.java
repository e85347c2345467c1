package io.cairn.metadata.placement;

import java.util.List;

/** As few replicas on one host as possible. */
final class HostSpread implements PlacementRule {
  @Override
  public double cost(Candidate candidate, List<Candidate> chosen, PlacementRequest request) {
    return chosen.stream().filter(c -> c.hostLabel().equals(candidate.hostLabel())).count();
  }
}
