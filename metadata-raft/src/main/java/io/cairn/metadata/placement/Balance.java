package io.cairn.metadata.placement;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Whether nodes have their shares of what is stored, and which replica is moved next so that they
 * get nearer to them. A node's share is by its capacity. Immutable.
 *
 * <p>Every move lowers one quantity that no move raises: first how many replicas of its chunk share
 * a zone, a rack or a host, in this order; where that stays the same, the sum over all nodes of the
 * squared distance to the share by the capacity. So on a cluster that nobody else changes there is
 * an end, and no replica goes back. Beginning takes twice the distance at which it ends: what
 * writers and chance change does not set moves off.
 */
public final class Balance {
  /** Distance from its share, in parts of the share, at which a node is not evenly filled. */
  static final double BEGIN = 0.10;

  /** And at which it is again. */
  static final double END = 0.05;

  private final List<Load> loads;
  private final long chunkBytes;
  private final double meanFill;

  /**
   * What a node holds.
   *
   * @param usedBytes set aside for its replicas, those included that are on their way to it.
   * @param capacityBytes of the devices whose shards are in service, at least 1.
   */
  public record Load(Candidate node, long usedBytes, long capacityBytes) {
    double fill() {
      return (double) usedBytes / capacityBytes;
    }
  }

  /** One replica's way. */
  public record Step(long fromNodeId, long toNodeId) {}

  /**
   * A look at the nodes.
   *
   * @param loads of those that are up and stay.
   * @param chunkBytes size of the largest chunks: nobody is nearer to a share than one of them.
   */
  public Balance(List<Load> loads, long chunkBytes) {
    this.loads = List.copyOf(loads);
    this.chunkBytes = chunkBytes;
    double used = 0;
    double capacity = 0;
    for (Load load : loads) {
      used += load.usedBytes();
      capacity += load.capacityBytes();
    }
    meanFill = capacity == 0 ? 0 : used / capacity;
  }

  private double shareBytes(Load load) {
    return meanFill * load.capacityBytes();
  }

  /** Above zero for a node that has more than its share. */
  private double distanceBytes(Load load) {
    return load.usedBytes() - shareBytes(load);
  }

  private double toleranceBytes(Load load, boolean moving) {
    return moving
        ? Math.max(END * shareBytes(load), chunkBytes)
        : Math.max(BEGIN * shareBytes(load), 2 * chunkBytes);
  }

  /**
   * Whether some node is too far from its share.
   *
   * @param moving whether moves have begun and not yet ended.
   */
  public boolean isUneven(boolean moving) {
    return loads.stream()
        .anyMatch(load -> Math.abs(distanceBytes(load)) > toleranceBytes(load, moving));
  }

  /** The largest distance of a node from its share, in hundredths of the share. */
  public long unevenPercent() {
    double largest = 0;
    for (Load load : loads) {
      double share = shareBytes(load);
      largest = Math.max(largest, share == 0 ? 0 : Math.abs(distanceBytes(load)) / share);
    }
    return Math.round(100 * largest);
  }

  /** Whether not all nodes have the same zone, rack and host: else no chunk can lie badly. */
  public boolean hasDomains() {
    for (Load load : loads) {
      Candidate first = loads.getFirst().node();
      if (!load.node().zone().equals(first.zone())
          || !load.node().rack().equals(first.rack())
          || !load.node().hostLabel().equals(first.hostLabel())) {
        return true;
      }
    }
    return false;
  }

  /**
   * The move that serves best, of all that one chunk has; null when it has none.
   *
   * @param holderIds nodes of the chunk's replicas: nothing is moved unless all can be seen here.
   * @param sizeBytes of the chunk.
   * @param byFill whether one is moved for the sake of the shares, too.
   * @param takes whether the chunk's shard on a node is in service.
   */
  public Step best(
      Set<Long> holderIds, long sizeBytes, boolean byFill, Predicate<Candidate> takes) {
    List<Load> holders =
        loads.stream().filter(load -> holderIds.contains(load.node().nodeId())).toList();
    if (holders.size() < holderIds.size()) {
      return null;
    }
    List<Candidate> nodes = new ArrayList<>(holders.stream().map(Load::node).toList());
    long now = Placement.crowding(nodes);
    Step best = null;
    long bestCrowding = now;
    double bestGain = 0;
    for (int i = 0; i < holders.size(); i++) {
      Load from = holders.get(i);
      for (Load to : loads) {
        if (holderIds.contains(to.node().nodeId())
            || !takes.test(to.node())
            || !Placement.hasRoom(to.node(), sizeBytes)) {
          continue;
        }
        nodes.set(i, to.node());
        long crowding = Placement.crowding(nodes);
        double gain = gain(from, to, sizeBytes);
        boolean serves = crowding < now || byFill && isWanted(from, to) && gain > 0;
        if (serves && (crowding < bestCrowding || crowding == bestCrowding && gain > bestGain)) {
          best = new Step(from.node().nodeId(), to.node().nodeId());
          bestCrowding = crowding;
          bestGain = gain;
        }
      }
      nodes.set(i, from.node());
    }
    return best;
  }

  /** What a look at the nodes will be once the move is made. */
  public Balance after(Step step, long sizeBytes) {
    List<Load> moved = new ArrayList<>();
    for (Load load : loads) {
      long id = load.node().nodeId();
      long sign = id == step.toNodeId() ? 1 : id == step.fromNodeId() ? -1 : 0;
      moved.add(new Load(load.node(), load.usedBytes() + sign * sizeBytes, load.capacityBytes()));
    }
    return new Balance(moved, chunkBytes);
  }

  /** Whether one of the two is so far from its share that it counts while there are moves. */
  private boolean isWanted(Load from, Load to) {
    return distanceBytes(from) > toleranceBytes(from, true)
        || -distanceBytes(to) > toleranceBytes(to, true);
  }

  /** Half of what the squared distances by capacity lose, by the size. */
  private static double gain(Load from, Load to, long sizeBytes) {
    double half = sizeBytes / 2.0;
    return (from.usedBytes() - half) / from.capacityBytes()
        - (to.usedBytes() + half) / to.capacityBytes();
  }
}
