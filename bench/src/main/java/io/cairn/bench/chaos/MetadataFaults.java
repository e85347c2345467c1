package io.cairn.bench.chaos;

/** Metadata servers that die and come back. */
final class MetadataFaults {
  private MetadataFaults() {}

  static void leaderKill(Stage stage) {
    RunningCluster cluster = stage.cluster();
    try (RecordedLoad load = stage.load()) {
      for (int round = 0; round < stage.scale().rounds(); round++) {
        Member leader = leader(cluster);
        load.forgetStall();
        leader.kill();
        double seconds =
            Await.until(
                "there is a new leader",
                Stage.LIMIT,
                () -> cluster.metadataLeader().filter(m -> m != leader).isPresent());
        stage.say("%s killed: another leader answered after %.1f s", leader.name(), seconds);
        load.awaitProgress(500, Stage.LIMIT);
        stage.checkStall("SIGKILL of the metadata leader", load.stallSeconds());
        leader.restart();
      }
      stage.awaitWhole();
      stage.say("%s", load.finish());
    }
  }

  static void outage(Stage stage) {
    RunningCluster cluster = stage.cluster();
    try (RecordedLoad load = stage.load()) {
      load.forgetStall();
      cluster.members("metadata-").forEach(Member::kill);
      long before = load.completed();
      Await.pass(stage.scale().outage());
      load.checkNoFailure();
      stage.say(
          "%d requests answered in %d s without any metadata server",
          load.completed() - before, stage.scale().outage().toSeconds());
      load.awaitProgress(100, Stage.LIMIT);
      stage.checkStall("all metadata servers down", load.stallSeconds());
      cluster.members("metadata-").forEach(Member::start);
      cluster.members("metadata-").forEach(Member::awaitReady);
      Await.until(
          "the metadata answers", Stage.LIMIT, () -> cluster.volume(Stage.LOAD_VOLUME) != null);
      load.awaitProgress(200, Stage.LIMIT);
      stage.awaitWhole();
      stage.checkStall("all metadata servers back", load.stallSeconds());
      stage.say("%s", load.finish());
    }
  }

  /** Who leads; waits until somebody does. */
  static Member leader(RunningCluster cluster) {
    Await.until(
        "the metadata has a leader", Stage.LIMIT, () -> cluster.metadataLeader().isPresent());
    return cluster.metadataLeader().orElseThrow();
  }
}
