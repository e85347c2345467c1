package io.cairn.bench.sim;

import io.cairn.client.volume.VolumeSession;

/**
 * Writes to the volume that is going to be deleted under its owner, without looking at what comes
 * of it: what is deleted must stay so, and the owner must come to its end (I9).
 */
final class DoomedClient {
  private final SimCluster cluster;
  private final SimRandom random;

  DoomedClient(SimCluster cluster, SimRandom random) {
    this.cluster = cluster;
    this.random = random;
  }

  void begin() {
    cluster.doomedGateway().attach();
    next();
  }

  private void next() {
    cluster.world().after(random.between(5_000_000L, 200_000_000L), this::write);
  }

  private void write() {
    SimGateway gateway = cluster.doomedGateway();
    VolumeSession session = gateway.serving();
    if (session != null) {
      SimPayload payload = SimPayload.of(gateway.ledger(), new byte[8192]);
      session.write(random.below(32) * 4096L, payload, random.oneIn(4), failure -> {});
      payload.release();
    }
    if (gateway.isAttached()) {
      next();
    }
  }
}
