package io.cairn.client.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.options.Sizes;
import io.cairn.metadata.view.ClusterJson;
import io.cairn.metadata.view.Health;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cairn volume show}. */
@Command(name = "show", description = "Shows one volume, its owner and the health of its chunks.")
final class VolumeShowCommand implements Callable<Integer> {
  @Mixin private ClusterOptions options;

  @Parameters(paramLabel = "NAME", description = "The volume.")
  private String name;

  @Option(
      names = "--brief",
      description = "Without its use of the read caches, for which each node is asked.")
  private boolean brief;

  @Override
  public Integer call() {
    try (ClusterCalls calls = options.connect()) {
      Reply.Volume volume = calls.volume(name);
      Reply.Cluster cluster = calls.cluster();
      List<Query.VolumeWait> waits =
          StatusCommand.waits(cluster).stream().filter(wait -> wait.volume().equals(name)).toList();
      List<Query.VolumeMend> mends =
          io.cairn.metadata.view.ClusterJson.mendsOf(cluster).stream()
              .filter(mend -> mend.volume().equals(name))
              .toList();
      ObjectNode json = ClusterJson.volume(volume);
      json.set("waits", ClusterJson.waits(waits));
      json.set("mends", ClusterJson.mends(mends));
      ReadCacheUse readCache = brief ? null : ReadCacheUse.of(name, calls);
      if (readCache != null) {
        json.set("readCache", readCache.json());
      }
      options.print(json, out -> print(volume, readCache, waits, mends, out));
      return 0;
    }
  }

  private static void print(
      Reply.Volume reply,
      ReadCacheUse readCache,
      List<Query.VolumeWait> waits,
      List<Query.VolumeMend> mends,
      PrintWriter out) {
    VolumeRecord volume = reply.volume();
    VolumeRecord.Owner owner = volume.owner();
    Reply.VolumeHealth health = Health.of(reply);
    out.println("name        " + volume.name());
    out.println("id          " + volume.volumeId());
    out.println("size        " + Sizes.format(volume.sizeBytes()));
    out.println("chunk size  " + Sizes.format(volume.chunkSizeBytes()));
    out.println(
        "replicas    " + volume.replicas() + ", writes need " + volume.minInSync() + " in sync");
    out.println("durability  " + volume.durability().name().toLowerCase(Locale.ROOT));
    out.println(
        "cache mode  "
            + volume.tiering().mode().text()
            + (volume.tiering().pinned() ? ", pinned" : ""));
    if (readCache != null) {
      out.println("read cache  " + readCache.line());
    }
    out.println("generation  " + volume.generation());
    out.println(
        "owner       "
            + (owner == null ? "none" : "gateway " + owner.gateway() + " at " + owner.address())
            + (owner != null && owner.maintenance() ? ", only to mend it" : ""));
    out.println("state       " + Health.worst(reply).name().toLowerCase(Locale.ROOT));
    out.println(
        "chunks      "
            + health.chunks()
            + " allocated: "
            + health.inSync()
            + " in sync, "
            + health.degraded()
            + " degraded, "
            + health.syncing()
            + " syncing, "
            + health.unavailable()
            + " unavailable");
    if (reply.scrubs() != null) {
      out.println("scrubbed    " + ScrubText.last(reply.scrubs()));
      if (ScrubText.isWorthALine(reply)) {
        out.println("scrub       " + ScrubText.line(reply));
      }
      ScrubText.findings(reply).forEach(line -> out.println("scrub       " + line));
    }
    if (LossText.isWorthALine(reply)) {
      out.println("lost        " + LossText.line(reply));
    }
    if (reply.losses() != null) {
      LossText.given(reply).forEach(line -> out.println("given up    " + line));
    }
    for (Query.VolumeWait wait : waits) {
      out.println("waiting     for " + wait.seconds() + " s: " + wait.reason());
    }
    for (Query.VolumeMend mend : mends) {
      out.println("mending     " + StatusCommand.text(mend));
    }
  }
}
