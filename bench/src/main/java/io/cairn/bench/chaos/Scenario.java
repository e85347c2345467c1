package io.cairn.bench.chaos;

/** One fault under load, from a cluster that is well to one that is well again. */
public enum Scenario {
  /** A storage node dies, comes back and copies what it missed; then another. */
  STORAGE_KILL("SIGKILL of one storage node, then of another", NodeFaults::kill),
  /** A storage node stands still, and goes on as if nothing were. */
  STORAGE_PAUSE("SIGSTOP of a storage node", NodeFaults::pause),
  /** Below the minimum in sync, writes wait. */
  TWO_NODES_DOWN("two of three storage nodes down: writes wait, then go on", NodeFaults::twoDown),
  /** Data does not ask the metadata on its way. */
  METADATA_LEADER_KILL("SIGKILL of the metadata leader", MetadataFaults::leaderKill),
  /** Somebody else leads soon, and everybody finds out. */
  METADATA_LEADER_CHANGES(
      "SIGKILL and SIGSTOP of the metadata leader, again and again", LeaderChanges::play),
  /** Nor does it need it for a while. */
  METADATA_OUTAGE("all three metadata servers down", MetadataFaults::outage),
  /** What was acknowledged is there when the gateway is back. */
  GATEWAY_KILL("SIGKILL of the gateway with writes in flight", GatewayFaults::kill),
  /** Who was replaced is refused everywhere. */
  GATEWAY_TAKEOVER("a second gateway takes the volume over", GatewayFaults::takeover),
  /** What nobody has attached is mended, and whoever attaches it does not wait for that. */
  MAINTENANCE_GIVES_WAY(
      "a client comes while a volume that nobody had attached is mended",
      MaintenanceFaults::givesWay),
  /** Nothing that was acknowledged lives in a process only. */
  KILL_EVERYTHING("SIGKILL of every process at once, and a restart", GatewayFaults::killEverything);

  private interface Play {
    void on(Stage stage);
  }

  private final String title;
  private final Play play;

  Scenario(String title, Play play) {
    this.title = title;
    this.play = play;
  }

  /** What happens, in a few words. */
  public String title() {
    return title;
  }

  /** As it is named on a command line. */
  public String argument() {
    return name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
  }

  /**
   * Plays it.
   *
   * @throws RuntimeException saying what the cluster did that it must not do.
   */
  public void play(Stage stage) {
    play.on(stage);
  }
}
