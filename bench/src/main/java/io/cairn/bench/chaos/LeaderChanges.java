package io.cairn.bench.chaos;

import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.ratis.RatisMetadataClient;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How long the cluster is without a metadata leader, over and over: from the signal to the leader's
 * process until the next command of a client has been applied, and until every storage node and the
 * gateway have been heard by the new leader.
 */
final class LeaderChanges {
  /** The project's bound for a change. */
  private static final double CHANGE_MAX_SECONDS = 3;

  private final Stage stage;
  private final MetadataClient client;

  private LeaderChanges(Stage stage, MetadataClient client) {
    this.stage = stage;
    this.client = client;
  }

  static void play(Stage stage) {
    try (MetadataClient client =
        RatisMetadataClient.connect(
            new SecureRandom().nextLong(),
            Arrays.asList(stage.cluster().metadataAddresses().split(",")),
            Stage.LIMIT)) {
      LeaderChanges changes = new LeaderChanges(stage, client);
      changes.measure("KILL");
      changes.measure("STOP");
      changes.awaitAllHeard();
    }
  }

  private void measure(String signal) {
    List<Double> commands = new ArrayList<>();
    List<Double> heard = new ArrayList<>();
    for (int round = 0; round < stage.scale().leaderChanges(); round++) {
      command();
      awaitAllHeard();
      Member leader = leader();
      long beginNanos = System.nanoTime();
      Signals.send(signal, List.of(leader.process().orElseThrow()));
      command();
      commands.add((System.nanoTime() - beginNanos) / 1e9);
      awaitAllHeard();
      heard.add((System.nanoTime() - beginNanos) / 1e9);
      if (signal.equals("STOP")) {
        leader.resume();
        leader.awaitReady();
      } else {
        Await.until(leader.name() + " is dead", Stage.LIMIT, () -> leader.process().isEmpty());
        leader.restart();
      }
    }
    stage.say("SIG%s of the leader: next command applied after %s", signal, figures(commands));
    stage.say("SIG%s of the leader: nodes and gateway heard after %s", signal, figures(heard));
    double longest = commands.stream().mapToDouble(Double::doubleValue).max().orElse(0);
    if (stage.scale().isLong() && longest >= CHANGE_MAX_SECONDS) {
      throw new ChaosFailure(
          "a change of the leader took " + longest + " s; the bound is " + CHANGE_MAX_SECONDS);
    }
  }

  /** A command that changes nothing, and goes through the log like any other. */
  private void command() {
    Reply reply =
        client
            .submit(new Command.ResizeVolume(Stage.LOAD_VOLUME, Stage.LOAD_VOLUME_BYTES))
            .toCompletableFuture()
            .join();
    if (!(reply instanceof Reply.Volume)) {
      throw new ChaosFailure("a resize to the present size was answered by " + reply);
    }
  }

  private Reply.Cluster status() {
    return (Reply.Cluster) client.query(new Query.GetCluster()).toCompletableFuture().join();
  }

  private void awaitAllHeard() {
    Await.until(
        "every node and the gateway are up",
        Stage.LIMIT,
        () -> {
          Reply.Cluster status = status();
          return status.nodes().stream().allMatch(Reply.NodeStatus::up)
              && status.gateways().stream().anyMatch(Reply.GatewayStatus::up);
        },
        () -> status().toString());
  }

  private Member leader() {
    String address =
        status().metadata().stream()
            .filter(Reply.MetadataStatus::leader)
            .findFirst()
            .orElseThrow(() -> new ChaosFailure("a server answers and none leads"))
            .address();
    return stage.cluster().metadataServer(address);
  }

  private static String figures(List<Double> seconds) {
    List<Double> sorted = seconds.stream().sorted().toList();
    return String.format(
        java.util.Locale.ROOT,
        "%.2f s (median of %d; %.2f to %.2f s)",
        sorted.get(sorted.size() / 2),
        sorted.size(),
        sorted.getFirst(),
        sorted.getLast());
  }
}
