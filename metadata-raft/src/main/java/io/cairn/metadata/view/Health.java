package io.cairn.metadata.view;

import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.VolumeHealth;

/** A volume's or the cluster's condition in one word: the worst that is true. */
public enum Health {
  /** Every chunk has all its replicas in sync. */
  HEALTHY,
  /** Some replica is catching up. */
  SYNCING,
  /** Some chunk has fewer replicas than wanted, but serves. */
  DEGRADED,
  /** Some chunk cannot be written until a node comes back. */
  UNAVAILABLE;

  /** The counts; a volume that was just made has no chunks, and comes without counts. */
  public static VolumeHealth of(Reply.Volume volume) {
    return volume.health() == null ? new VolumeHealth(0, 0, 0, 0, 0) : volume.health();
  }

  /** The volume's. */
  public static Health worst(Reply.Volume volume) {
    VolumeHealth health = of(volume);
    if (health.unavailable() > 0) {
      return UNAVAILABLE;
    }
    if (health.degraded() > 0) {
      return DEGRADED;
    }
    return health.syncing() > 0 ? SYNCING : HEALTHY;
  }

  /** The worst volume; a node that is down degrades the cluster even where no chunk shows it. */
  public static Health of(Reply.Cluster cluster) {
    Health worst = cluster.nodes().stream().allMatch(Reply.NodeStatus::up) ? HEALTHY : DEGRADED;
    for (Reply.Volume volume : cluster.volumes()) {
      Health health = worst(volume);
      worst = health.compareTo(worst) > 0 ? health : worst;
    }
    return worst;
  }
}
