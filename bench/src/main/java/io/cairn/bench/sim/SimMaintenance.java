package io.cairn.bench.sim;

import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.machine.Maintenance;
import io.cairn.metadata.machine.ScrubTurns;
import io.cairn.metadata.model.VolumeRecord;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What the metadata's leader offers gateways of the volume when nobody has attached it, on a
 * cluster that is whole: they take it, and give it back when nothing is left to be done.
 */
final class SimMaintenance {
  private final SimCluster cluster;
  private final ScrubTurns scrubTurns = new ScrubTurns();

  SimMaintenance(SimCluster cluster) {
    this.cluster = cluster;
  }

  /** Each gateway has a heartbeat answered. */
  void offer() {
    SortedSet<String> names = new TreeSet<>();
    cluster.gateways().forEach(gateway -> names.add(gateway.process.name()));
    for (SimGateway gateway : cluster.gateways()) {
      for (Reply.MaintenanceOffer offer :
          Maintenance.offers(
              cluster.metadata().machine().state(),
              gateway.process.name(),
              names,
              new Believed(gateway))) {
        if (offer.volume().equals(SimCluster.VOLUME) && !gateway.isAttached()) {
          gateway.maintain(offer);
        }
      }
      if (gateway.maintains()
          && gateway.running() != null
          && !gateway.isReleasing()
          && gateway.running().mending().isDone()
          && !gateway.running().mending().isScrubbing()) {
        gateway.release();
      }
    }
  }

  /** What the leader believes when it hears of a gateway. */
  private final class Believed implements Maintenance.View {
    private final SimGateway heard;

    Believed(SimGateway heard) {
      this.heard = heard;
    }

    @Override
    public boolean isUp(long nodeId) {
      return cluster.node(nodeId).process.isUp();
    }

    @Override
    public boolean isLeaving(long nodeId) {
      return cluster.isLeaving(nodeId);
    }

    @Override
    public List<Integer> shardsOut(long nodeId) {
      return List.copyOf(cluster.node(nodeId).out());
    }

    @Override
    public List<Integer> shardsAway(long nodeId) {
      return cluster.awayShards(nodeId);
    }

    @Override
    public List<Query.Refill> refills(long nodeId, long volumeId) {
      return cluster.node(nodeId).refills(volumeId);
    }

    @Override
    public List<Query.Unfinished> unfinished(long nodeId, long volumeId) {
      return cluster.node(nodeId).unfinished(volumeId);
    }

    @Override
    public boolean isGone(VolumeRecord volume) {
      return cluster.gateways().stream().noneMatch(SimGateway::isAttached);
    }

    @Override
    public boolean isScrubDue(long volumeId) {
      return scrubTurns.isDue(
          cluster.metadata().machine().state().counts(),
          volumeId,
          heard.scrubWanted(),
          cluster.world().nowNanos());
    }
  }
}
