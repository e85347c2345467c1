package io.cairn.metadata.placement;

import java.util.List;

/** The first replica goes to the host that asked for one, if it has a node. */
final class PreferredHost implements PlacementRule {
  @Override
  public double cost(Candidate candidate, List<Candidate> chosen, PlacementRequest request) {
    return !chosen.isEmpty() || candidate.hostLabel().equals(request.preferredHost()) ? 0 : 1;
  }
}
