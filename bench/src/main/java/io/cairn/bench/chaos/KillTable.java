package io.cairn.bench.chaos;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * How long clients wait when a server dies, over and over, as a table: the storage nodes in turn,
 * the metadata's leader, and the gateway in use, whose client turns to another one at once. Each
 * kill begins with everything in sync and ends so; in between the server is started again. A stall
 * is the longest request of that time, or the longest time in which none was answered, whichever is
 * longer: requests in flight to a gateway that dies are never answered.
 */
public final class KillTable {
  private static final int PROGRESS = 300;

  private final RunningCluster cluster;
  private final Stage stage;
  private final int kills;
  private final Map<String, List<Double>> stalls = new LinkedHashMap<>();

  private KillTable(RunningCluster cluster, Stage stage, int kills) {
    this.cluster = cluster;
    this.stage = stage;
    this.kills = kills;
  }

  /**
   * Plays it; bounded, as each step has a limit.
   *
   * @param kills of each role, at least 1.
   * @return the table as Markdown, a line for each role.
   * @throws ChaosFailure when a client saw an error, a write was lost, or something does not come
   *     back.
   */
  public static List<String> play(Stage stage, int kills) {
    KillTable table = new KillTable(stage.cluster(), stage, kills);
    table.play();
    return table.lines();
  }

  private void play() {
    try (Gateways gateways = new Gateways();
        RecordedLoad load = gateways.load()) {
      List<Member> nodes = cluster.members("storage-");
      for (int i = 0; i < kills; i++) {
        Member node = nodes.get(i % nodes.size());
        kill("storage node", load, node::kill, node::restart);
      }
      for (int i = 0; i < kills; i++) {
        Member leader = MetadataFaults.leader(cluster);
        kill("metadata leader", load, leader::kill, leader::restart);
      }
      load.mayBreak(true);
      for (int i = 0; i < kills; i++) {
        kill("gateway in use", load, gateways::killTheOneInUse, gateways::restart);
      }
      if (load.reconnects() < kills) {
        throw new ChaosFailure(
            "the load saw " + load.reconnects() + " of " + kills + " ends: it proved nothing");
      }
      stage.say("%s", load.finish());
    }
  }

  private void kill(String role, RecordedLoad load, Runnable kill, Runnable restart) {
    stage.awaitWhole();
    load.forgetStall();
    kill.run();
    load.awaitProgress(PROGRESS, Stage.LIMIT);
    restart.run();
    stage.awaitWhole();
    load.awaitProgress(PROGRESS, Stage.LIMIT);
    load.checkNoFailure();
    double stall = Math.max(load.stallSeconds(), load.longestSilenceSeconds());
    List<Double> ofRole = stalls.computeIfAbsent(role, r -> new ArrayList<>());
    ofRole.add(stall);
    stage.say("%s, kill %d of %d: %.2f s", role, ofRole.size(), kills, stall);
  }

  private List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add("| killed | times | median | p99 | longest |");
    lines.add("| --- | --- | --- | --- | --- |");
    stalls.forEach(
        (role, all) ->
            lines.add(
                String.format(
                    Locale.ROOT,
                    "| %s | %d | %.2f s | %.2f s | %.2f s |",
                    role,
                    all.size(),
                    percentile(all, 50),
                    percentile(all, 99),
                    percentile(all, 100))));
    return lines;
  }

  /** The smallest of the values that so many percent of them do not exceed. */
  static double percentile(List<Double> values, int percent) {
    List<Double> sorted = values.stream().sorted().toList();
    return sorted.get(Math.max(1, (percent * sorted.size() + 99) / 100) - 1);
  }

  /** The cluster's gateway and a second one; the client uses one of them. */
  private final class Gateways implements AutoCloseable {
    private final Member first = cluster.member("gateway-1");
    private Tool.Running second;
    private boolean secondIsInUse;

    Gateways() {
      startSecond();
    }

    private void startSecond() {
      try {
        second = SecondGateway.start(cluster, stage.directory(), false);
      } catch (IOException e) {
        throw new ChaosFailure("a second gateway cannot be started", e);
      }
      Await.until(
          "the second gateway is ready",
          Stage.LIMIT,
          () -> HttpProbe.status(cluster.secondHttpPort(), "/readyz") == 200,
          second::outputSoFar);
    }

    /** A load that turns to the other gateway when its connection ends. */
    RecordedLoad load() {
      return stage.loadOn(List.of(address(cluster.nbdPort()), address(cluster.secondNbdPort())));
    }

    private static InetSocketAddress address(int port) {
      return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    void killTheOneInUse() {
      if (secondIsInUse) {
        second.close();
      } else {
        first.kill();
      }
    }

    void restart() {
      if (secondIsInUse) {
        startSecond();
      } else {
        first.restart();
      }
      secondIsInUse = !secondIsInUse;
    }

    @Override
    public void close() {
      second.close();
    }
  }
}
