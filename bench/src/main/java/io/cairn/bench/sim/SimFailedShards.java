package io.cairn.bench.sim;

import io.cairn.metadata.command.Reply;

/**
 * A device of a shard fails and stays so: after a grace time what the shard has is placed anew on
 * other nodes. Fault model: the node lives on with its other shards, and restarts without this one;
 * meanwhile others fail as well. The device may be good again at any time, with what it held when
 * it failed; an empty one may take its place; or neither ever happens. One shard at a time, and
 * only where others can take its chunks.
 *
 * <p>Draws from a source of its own, so that a run without it is the same run as ever.
 */
final class SimFailedShards {
  private static final long SECOND = 1_000_000_000L;
  private static final long SALT = 0xFA17_00DE_0006L;

  /** One run in so many has it. */
  private static final int OUT_OF = 3;

  private final SimCluster cluster;
  private final SimFaults faults;
  private final SimRandom random;
  private final boolean some;
  private long endNanos;

  /** The shard that is out; null when all serve. */
  private Reply.NodeShard out;

  SimFailedShards(SimCluster cluster, SimFaults faults, long seed, boolean devices) {
    this.cluster = cluster;
    this.faults = faults;
    random = new SimRandom(seed ^ SALT);
    some = devices && random.oneIn(OUT_OF);
  }

  void begin(long faultsEndNanos) {
    if (some) {
      endNanos = faultsEndNanos;
      later(SECOND / 5, 3 * SECOND, this::fail);
    }
  }

  private void later(long leastNanos, long mostNanos, Runnable action) {
    cluster
        .world()
        .after(
            random.between(leastNanos, mostNanos),
            () -> {
              if (cluster.world().nowNanos() < endNanos) {
                action.run();
              }
            });
  }

  private void fail() {
    SimNode node = cluster.nodes().get(random.below(cluster.nodes().size()));
    int shard = random.below(node.stores().size());
    if (!faults.staysWhole(node) || !canBeDoneWithout(node, shard)) {
      later(SECOND / 20, SECOND / 2, this::fail);
      return;
    }
    cluster.world().log(node.process.name() + ": a device of shard " + shard + " fails for good");
    Reply.NodeShard failed = new Reply.NodeShard(node.nodeId, shard);
    out = failed;
    node.out(shard, true);
    later(
        0,
        2 * SECOND,
        () -> {
          if (out == failed) {
            cluster.awayShards().add(failed);
          }
        });
    switch (random.below(3)) {
      case 0 -> later(SECOND / 2, 6 * SECOND, this::isGoodAgain);
      case 1 -> later(SECOND / 2, 6 * SECOND, this::isReplaced);
      default -> {}
    }
  }

  /** Whether others have all that it has, and there are enough of them for every chunk. */
  private boolean canBeDoneWithout(SimNode node, int shard) {
    long others =
        cluster.nodes().stream().filter(other -> other != node && faults.staysWhole(other)).count();
    return others >= cluster.volume().replicas()
        && cluster.isHeldElsewhere(node, shard, faults.gone());
  }

  private void isGoodAgain() {
    SimNode node = cluster.node(out.nodeId());
    cluster.world().log(node.process.name() + ": the device of shard " + out.shard() + " is good");
    node.out(out.shard(), false);
    cluster.awayShards().remove(out);
    out = null;
    later(SECOND / 5, 3 * SECOND, this::fail);
  }

  private void isReplaced() {
    SimNode node = cluster.node(out.nodeId());
    if (!cluster.isHeldElsewhere(node, out.shard(), faults.gone())) {
      later(SECOND / 20, SECOND / 2, this::isReplaced);
      return;
    }
    cluster
        .world()
        .log(node.process.name() + ": an empty device is in the place of the failed one");
    if (node.process.isUp()) {
      node.kill(true);
    }
    node.replace(out.shard());
    isGoodAgain();
    later(0, 2 * SECOND, () -> faults.startsAgain(node));
  }

  /**
   * What failed may stay so, where all others are well; and is good again where it is needed.
   *
   * @param lost whether nodes died for good.
   */
  void heal(boolean lost) {
    if (out == null) {
      return;
    }
    SimNode node = cluster.node(out.nodeId());
    if (lost || random.oneIn(3) || !canBeDoneWithout(node, out.shard())) {
      isGoodAgain();
    } else {
      cluster.awayShards().add(out);
    }
  }
}
