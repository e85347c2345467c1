package io.cairn.client.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.options.Sizes;
import io.cairn.metadata.view.ClusterJson;
import io.cairn.metadata.view.Health;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code cairn status}: the whole cluster on one screen. */
@Command(name = "status", description = "Shows the cluster: servers, nodes, gateways and volumes.")
final class StatusCommand implements Callable<Integer> {
  @Mixin private ClusterOptions options;

  @Override
  public Integer call() {
    try (ClusterCalls calls = options.connect()) {
      Reply.Cluster cluster = calls.cluster();
      Reply.Releases releases = calls.releases();
      ObjectNode json = ClusterJson.cluster(cluster);
      if (releases != null) {
        json.set("releases", ClusterJson.releases(releases));
      }
      options.print(json, out -> print(cluster, releases, out));
      return 0;
    }
  }

  /** What requests wait for, as far as gateways that live say so. */
  static List<Query.VolumeWait> waits(Reply.Cluster cluster) {
    return cluster.gateways().stream()
        .filter(Reply.GatewayStatus::up)
        .flatMap(gateway -> gateway.waits().stream())
        .toList();
  }

  /** Such as "12 chunks out of sync, 1GiB copied, 80MiB/s, 40 s left". */
  static String text(Query.VolumeMend mend) {
    if (mend.chunksLeft() == 0 && !mend.maintenance()) {
      return "all in sync again, " + Sizes.format(mend.copiedBytes()) + " copied";
    }
    return mend.chunksLeft()
        + " chunks out of sync, "
        + Sizes.format(mend.copiedBytes())
        + " copied, "
        + Sizes.format(mend.bytesPerSecond())
        + "/s"
        + (mend.secondsLeft() < 0 ? "" : ", about " + mend.secondsLeft() + " s left")
        + (mend.maintenance() ? " (not attached; in maintenance)" : "");
  }

  private static void print(Reply.Cluster cluster, Reply.Releases releases, PrintWriter out) {
    String identity =
        cluster.clusterId() == 0
            ? "has no identity yet: it is starting"
            : Long.toHexString(cluster.clusterId());
    out.println("cluster   " + identity);
    out.println("state     " + Health.of(cluster).name().toLowerCase(Locale.ROOT));
    out.println(
        "metadata  "
            + cluster.metadata().stream()
                .map(m -> m.address() + (m.leader() ? " (leader)" : ""))
                .collect(Collectors.joining(", ")));
    long up = cluster.nodes().stream().filter(Reply.NodeStatus::up).count();
    out.println("nodes     " + up + " of " + cluster.nodes().size() + " up");
    out.println(
        "gateways  "
            + (cluster.gateways().isEmpty()
                ? "none"
                : cluster.gateways().stream()
                    .map(g -> g.gateway() + " " + g.address() + (g.up() ? "" : " (down)"))
                    .collect(Collectors.joining(", "))));
    if (releases != null) {
      out.println("release   " + UpgradeCommand.summary(releases));
    }
    for (Reply.NodeStatus node : cluster.nodes()) {
      if (node.up() && node.trouble() != null) {
        out.println("trouble   " + node.node().name() + ": " + node.trouble());
      }
      if (node.up()) {
        DeviceText.outOfUse(node)
            .forEach(
                device ->
                    out.println(
                        "device    " + node.node().name() + ": " + DeviceText.line(node, device)));
      }
      if (node.node().flushing()) {
        out.println(
            "flushing  "
                + node.node().name()
                + ": "
                + NodeFlushCacheCommand.left(node)
                + "; destaged at once until 'cairn node flush-cache "
                + node.node().name()
                + " --end'");
      }
    }
    for (Query.VolumeWait wait : waits(cluster)) {
      out.println(
          "waiting   volume " + wait.volume() + " for " + wait.seconds() + " s: " + wait.reason());
    }
    for (Query.VolumeMend mend : ClusterJson.mendsOf(cluster)) {
      out.println("mending   volume " + mend.volume() + ": " + text(mend));
    }
    Reply.Rebalance rebalance = cluster.rebalance();
    if (rebalance.moving() || rebalance.moves() > 0) {
      out.println(
          "moving    "
              + rebalance.moves()
              + " replicas now; a node is up to "
              + rebalance.unevenPercent()
              + " % off its share");
    }
    String scrubbed = ScrubText.last(cluster.volumes());
    if (scrubbed != null) {
      out.println("scrubbed  " + scrubbed);
    }
    for (Reply.Volume volume : cluster.volumes()) {
      if (LossText.isWorthALine(volume)) {
        out.println("lost      volume " + volume.volume().name() + ": " + LossText.line(volume));
      }
      if (ScrubText.isWorthALine(volume)) {
        out.println("scrub     volume " + volume.volume().name() + ": " + ScrubText.line(volume));
      }
    }
    if (!cluster.nodes().isEmpty()) {
      out.println();
      Tables.nodes(cluster).print(out);
    }
    if (!cluster.volumes().isEmpty()) {
      out.println();
      Tables.volumes(cluster).print(out);
    }
  }
}
