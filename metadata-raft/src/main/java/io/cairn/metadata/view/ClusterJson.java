package io.cairn.metadata.view;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.metrics.LatencyHistogram;
import io.cairn.metadata.model.ChunkLoss;
import io.cairn.metadata.model.ClusterEvent;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.ReplicaLook;
import io.cairn.metadata.model.VolumeRecord;
import java.util.List;
import java.util.Locale;

/**
 * What {@code -o json} prints and the console is told. Sizes are in bytes. Random identities are
 * hexadecimal text: they do not fit into the numbers of most readers of JSON. A value that is not
 * known is null.
 */
public final class ClusterJson {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private ClusterJson() {}

  /** An empty object. */
  public static ObjectNode object() {
    return NODES.objectNode();
  }

  /** An empty list. */
  public static ArrayNode array() {
    return NODES.arrayNode();
  }

  /** A volume with its health. */
  public static ObjectNode volume(Reply.Volume reply) {
    VolumeRecord volume = reply.volume();
    ObjectNode json =
        object()
            .put("name", volume.name())
            .put("id", volume.volumeId())
            .put("sizeBytes", volume.sizeBytes())
            .put("chunkSizeBytes", volume.chunkSizeBytes())
            .put("replicas", volume.replicas())
            .put("minInSync", volume.minInSync())
            .put("durability", volume.durability().name().toLowerCase(Locale.ROOT))
            .put("generation", volume.generation())
            .put("cacheMode", volume.tiering().mode().text())
            .put("pinned", volume.tiering().pinned());
    VolumeRecord.Owner owner = volume.owner();
    if (owner == null) {
      json.putNull("owner");
    } else {
      ObjectNode object = json.putObject("owner");
      object
          .put("gateway", owner.gateway())
          .put("instance", Long.toHexString(owner.instance()))
          .put("address", owner.address());
      if (owner.maintenance()) {
        object.put("maintenance", true);
      }
    }
    Reply.VolumeHealth health = Health.of(reply);
    json.putObject("health")
        .put("chunks", health.chunks())
        .put("inSync", health.inSync())
        .put("degraded", health.degraded())
        .put("syncing", health.syncing())
        .put("unavailable", health.unavailable());
    json.set("scrub", scrubs(reply));
    json.set("loss", losses(reply));
    return json;
  }

  /** What of a volume waits for an operator, and what one has given up. */
  private static ObjectNode losses(Reply.Volume reply) {
    ObjectNode json = object();
    if (reply.losses() == null) {
      return json;
    }
    json.put("lostChunks", reply.losses().lostChunks())
        .put("recoveredChunks", reply.losses().recoveredChunks());
    ArrayNode chunks = json.putArray("chunks");
    for (Reply.LossFinding finding : reply.losses().findings()) {
      ChunkLoss loss = finding.loss();
      ObjectNode chunk =
          chunks
              .addObject()
              .put("index", finding.index())
              .put("epoch", loss.epoch())
              .put("sourceNode", loss.sourceNodeId())
              .put("condition", loss.condition().name().toLowerCase(Locale.ROOT))
              .put("version", loss.version())
              .put("atMillis", loss.atMillis());
      loss.lostNodes().forEach(chunk.putArray("lostNodes")::add);
    }
    return json;
  }

  /** The chunks that have lost all their in-sync replicas, and what is left of them. */
  public static ObjectNode losses(Reply.Losses losses) {
    long chunkBytes = losses.volume().chunkSizeBytes();
    ObjectNode json = object().put("name", losses.volume().name());
    ArrayNode chunks = json.putArray("chunks");
    for (Reply.LostChunk lost : losses.chunks()) {
      long offset = lost.index() * chunkBytes;
      ObjectNode chunk =
          chunks
              .addObject()
              .put("index", lost.index())
              .put("offsetBytes", offset)
              .put("lengthBytes", Math.min(chunkBytes, losses.volume().sizeBytes() - offset));
      lost.lostNodes().forEach(chunk.putArray("lostNodes")::add);
      lost.mayReturnNodes().forEach(chunk.putArray("mayReturnNodes")::add);
      lost.unseenNodes().forEach(chunk.putArray("unseenNodes")::add);
      lost.shortNodes().forEach(chunk.putArray("shortNodes")::add);
      lost.outNodes().forEach(chunk.putArray("outNodes")::add);
      ArrayNode living = chunk.putArray("living");
      for (ReplicaLook look : lost.living()) {
        living
            .addObject()
            .put("node", look.nodeId())
            .put("condition", look.condition().name().toLowerCase(Locale.ROOT))
            .put("version", look.version());
      }
    }
    return json;
  }

  /** What scrubs of a volume's chunks came to; times are null where a chunk never was scrubbed. */
  public static ObjectNode scrubs(Reply.Volume reply) {
    Reply.ScrubSummary scrubs = reply.scrubs();
    ObjectNode json = object();
    if (scrubs == null) {
      return json;
    }
    json.put("asked", reply.volume().scrubs().request())
        .put("done", reply.volume().scrubs().done())
        .put("waitingChunks", scrubs.waiting())
        .put("mendedBlocks", scrubs.mendedBlocks())
        .put("badBlocks", scrubs.badBlocks());
    time(json, "lightOldestMillis", scrubs.lightOldestMillis());
    time(json, "deepOldestMillis", scrubs.deepOldestMillis());
    ArrayNode findings = json.putArray("findings");
    for (Reply.ScrubFinding finding : scrubs.findings()) {
      ObjectNode chunk = findings.addObject().put("chunk", finding.index());
      time(chunk, "lightMillis", finding.scrub().lightMillis());
      time(chunk, "deepMillis", finding.scrub().deepMillis());
      chunk.put("mendedBlocks", finding.scrub().mendedBlocks());
      ArrayNode bad = chunk.putArray("badBlocks");
      finding.scrub().badBlocks().forEach(bad::add);
    }
    return json;
  }

  private static void time(ObjectNode json, String name, long millis) {
    if (millis == 0) {
      json.putNull(name);
    } else {
      json.put(name, millis);
    }
  }

  /** All volumes. */
  public static ArrayNode volumes(Reply.Cluster cluster) {
    ArrayNode volumes = array();
    cluster.volumes().forEach(v -> volumes.add(volume(v)));
    return volumes;
  }

  /** All nodes. */
  public static ArrayNode nodes(Reply.Cluster cluster) {
    ArrayNode nodes = array();
    cluster.nodes().forEach(n -> nodes.add(node(n)));
    return nodes;
  }

  /** One node. */
  public static ObjectNode node(Reply.NodeStatus status) {
    NodeRecord node = status.node();
    ObjectNode json =
        object()
            .put("id", node.nodeId())
            .put("name", node.name())
            .put("up", status.up())
            .put("address", node.host() + ":" + node.port())
            .put("zone", node.zone())
            .put("rack", node.rack())
            .put("host", node.hostLabel())
            .put("incarnation", node.incarnation())
            .put("shards", node.shardCount())
            .put("capacityBytes", node.capacityBytes())
            .put("usedBytes", status.usedBytes())
            .put("freeBytes", status.freeBytes())
            .put("journalUsedBytes", status.journalUsedBytes())
            .put("journalSizeBytes", status.journalSizeBytes())
            .put("replicas", status.replicaCount());
    json.put(
        "departure",
        node.departure() == null ? null : node.departure().name().toLowerCase(Locale.ROOT));
    json.put("wantedJournalBytes", node.wish().journalBytes());
    json.put("wantedReadCacheBytes", node.wish().readCacheBytes());
    json.put("flushing", node.flushing());
    json.put("flushLeftBytes", node.flushing() ? status.flushLeftBytes() : null);
    json.put("trouble", status.trouble());
    ArrayNode devices = json.putArray("devices");
    for (Query.NodeDevice device : status.devices()) {
      ObjectNode one =
          devices
              .addObject()
              .put("tier", device.tier())
              .put("directory", device.directory())
              .put("state", device.state())
              .put("reason", device.reason())
              .put("usedBytes", device.usedBytes())
              .put("sizeBytes", device.sizeBytes())
              .put("replicas", status.replicasOn(device));
      ArrayNode shards = one.putArray("shards");
      device.shards().forEach(shards::add);
    }
    if (status.lastSeenAgoMillis() < 0) {
      json.putNull("lastSeenAgoMillis");
    } else {
      json.put("lastSeenAgoMillis", status.lastSeenAgoMillis());
    }
    return json;
  }

  /** The whole cluster. */
  public static ObjectNode cluster(Reply.Cluster cluster) {
    ObjectNode json = object();
    if (cluster.clusterId() == 0) {
      json.putNull("clusterId");
    } else {
      json.put("clusterId", Long.toHexString(cluster.clusterId()));
    }
    json.put("state", Health.of(cluster).name().toLowerCase(Locale.ROOT));
    ArrayNode metadata = json.putArray("metadata");
    for (Reply.MetadataStatus member : cluster.metadata()) {
      metadata.addObject().put("address", member.address()).put("leader", member.leader());
    }
    json.set("nodes", nodes(cluster));
    ArrayNode gateways = json.putArray("gateways");
    for (Reply.GatewayStatus gateway : cluster.gateways()) {
      gateways
          .addObject()
          .put("name", gateway.gateway())
          .put("instance", Long.toHexString(gateway.instance()))
          .put("address", gateway.address())
          .put("up", gateway.up())
          .put("maintenance", gateway.mends().stream().anyMatch(Query.VolumeMend::maintenance))
          .set("waits", waits(gateway.waits()));
    }
    ArrayNode activities = json.putArray("activities");
    for (Reply.GatewayStatus gateway : cluster.gateways()) {
      if (gateway.up()) {
        gateway.activities().forEach(activity -> activities.add(activity(gateway, activity)));
      }
    }
    ArrayNode bounds = json.putArray("tookBoundsMicros");
    for (int bucket = 0; bucket < LatencyHistogram.BUCKETS - 1; bucket++) {
      bounds.add(LatencyHistogram.boundNanos(bucket) / 1e3);
    }
    json.set("mends", mends(mendsOf(cluster)));
    Reply.Rebalance rebalance = cluster.rebalance();
    json.putObject("rebalance")
        .put("enabled", rebalance.enabled())
        .put("moving", rebalance.moving())
        .put("moves", rebalance.moves())
        .put("unevenPercent", rebalance.unevenPercent());
    json.set("volumes", volumes(cluster));
    return json;
  }

  /** What happened to the cluster. */
  public static ArrayNode events(List<ClusterEvent> events) {
    ArrayNode json = array();
    events.forEach(event -> json.add(event(event)));
    return json;
  }

  /** One thing that happened. */
  public static ObjectNode event(ClusterEvent event) {
    return object()
        .put("number", event.number())
        .put("atMillis", event.atMillis())
        .put("kind", event.kind())
        .put("subject", event.subject())
        .put("text", event.text());
  }

  /** The cluster's level, and the release of each server; null for one not heard of lately. */
  public static ObjectNode releases(Reply.Releases releases) {
    ObjectNode json = object().put("level", releases.level());
    ArrayNode servers = json.putArray("servers");
    for (Reply.ServerRelease server : releases.servers()) {
      servers
          .addObject()
          .put("role", server.role())
          .put("name", server.name())
          .put("release", server.release())
          .put("level", server.release() == null ? null : server.level())
          .put("httpAddress", server.httpAddress());
    }
    return json;
  }

  /** What is being mended, as far as gateways that live say so. */
  public static List<Query.VolumeMend> mendsOf(Reply.Cluster cluster) {
    return cluster.gateways().stream()
        .filter(Reply.GatewayStatus::up)
        .flatMap(gateway -> gateway.mends().stream())
        .toList();
  }

  /** Counted since the gateway opened the volume: a rate is the difference of two looks. */
  private static ObjectNode activity(Reply.GatewayStatus gateway, Query.VolumeActivity activity) {
    ArrayNode took = array();
    activity.took().forEach(took::add);
    return object()
        .put("volume", activity.volume())
        .put("gateway", gateway.gateway())
        .put("instance", Long.toHexString(gateway.instance()))
        .put("atMillis", activity.atMillis())
        .put("reads", activity.reads())
        .put("readBytes", activity.readBytes())
        .put("writes", activity.writes())
        .put("writtenBytes", activity.writtenBytes())
        .put("requests", activity.requests())
        .put("tookMicros", activity.tookMicros())
        .set("took", took);
  }

  /** Volumes that are being mended, and how far that has come; -1 seconds are not known yet. */
  public static ArrayNode mends(List<Query.VolumeMend> mends) {
    ArrayNode json = array();
    for (Query.VolumeMend mend : mends) {
      json.addObject()
          .put("volume", mend.volume())
          .put("maintenance", mend.maintenance())
          .put("chunksLeft", mend.chunksLeft())
          .put("copiedBytes", mend.copiedBytes())
          .put("bytesPerSecond", mend.bytesPerSecond())
          .put("secondsLeft", mend.secondsLeft());
    }
    return json;
  }

  /** Volumes whose requests wait, for how long and for what. */
  public static ArrayNode waits(List<Query.VolumeWait> waits) {
    ArrayNode json = array();
    for (Query.VolumeWait wait : waits) {
      json.addObject()
          .put("volume", wait.volume())
          .put("seconds", wait.seconds())
          .put("reason", wait.reason());
    }
    return json;
  }
}
