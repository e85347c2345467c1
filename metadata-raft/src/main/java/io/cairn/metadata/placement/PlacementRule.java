package io.cairn.metadata.placement;

import java.util.List;

/** One reason to prefer a node; earlier rules weigh more than all later ones together. */
interface PlacementRule {
  /**
   * Cost of choosing the candidate next; the lowest wins.
   *
   * @param chosen those that already have a replica of the chunk.
   */
  double cost(Candidate candidate, List<Candidate> chosen, PlacementRequest request);
}
