package io.cairn.metadata.placement;

import java.util.List;

/** As few replicas in one rack of a zone as possible. */
final class RackSpread implements PlacementRule {
  @Override
  public double cost(Candidate candidate, List<Candidate> chosen, PlacementRequest request) {
    return chosen.stream()
        .filter(c -> c.zone().equals(candidate.zone()) && c.rack().equals(candidate.rack()))
        .count();
  }
}
