package io.cairn.metadata.placement;

import java.util.List;

/**
 * Spreads chunks by free space: weighted rendezvous hashing (Schindelhauer and Schomaker, 2005), so
 * that a node with twice the room gets twice the chunks, and a node that joins moves none of the
 * others' choices.
 */
final class FreeSpaceWeight implements PlacementRule {
  private static final double TWO_POW_53 = 0x1p53;

  @Override
  public double cost(Candidate candidate, List<Candidate> chosen, PlacementRequest request) {
    long hash =
        mix(
            candidate.nodeId() * 0x9E3779B97F4A7C15L
                ^ mix(request.volumeId() * 31 + request.layer()) + request.index());
    double uniform = ((hash >>> 11) + 0.5) / TWO_POW_53;
    return -StrictMath.log(uniform) / Math.max(1, candidate.freeBytes());
  }

  private static long mix(long value) {
    long z = value;
    z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
    z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
    return z ^ z >>> 31;
  }
}
