package io.cairn.client.cli;

import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ChunkLoss;
import io.cairn.metadata.model.ReplicaCondition;
import io.cairn.metadata.model.ReplicaLook;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.options.Sizes;
import io.cairn.storage.wire.Version;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** What of a volume is lost, or was given up, for people. */
final class LossText {
  private LossText() {}

  /** Whether chunks wait for an operator. */
  static boolean isWorthALine(Reply.Volume volume) {
    return volume.losses() != null && volume.losses().lostChunks() > 0;
  }

  /** Such as "3 chunks have lost their last in-sync replica; …". */
  static String line(Reply.Volume volume) {
    return volume.losses().lostChunks()
        + " chunks have no in-sync replica left that holds them; 'cairn volume recover "
        + volume.volume().name()
        + "' says what is left";
  }

  /** One line for each chunk of which something was given up. */
  static List<String> given(Reply.Volume volume) {
    List<String> lines = new ArrayList<>();
    for (Reply.LossFinding finding : volume.losses().findings()) {
      ChunkLoss loss = finding.loss();
      lines.add(
          "chunk "
              + finding.index()
              + ", "
              + range(volume.volume(), finding.index())
              + ": went on "
              + Instant.ofEpochMilli(loss.atMillis()).truncatedTo(ChronoUnit.SECONDS)
              + " from "
              + held(loss.condition(), loss.version())
              + " on node "
              + loss.sourceNodeId()
              + (loss.lostNodes().isEmpty()
                  ? ", as no replica in sync held all of it"
                  : ", as " + nodes(loss.lostNodes()) + " went for good"));
    }
    return lines;
  }

  /** What becomes of a chunk that is lost, or why nothing can be done yet. */
  static String lost(VolumeRecord volume, Reply.LostChunk chunk) {
    String text = "chunk " + chunk.index() + ", " + range(volume, chunk.index()) + ": ";
    List<Long> returning = new ArrayList<>(chunk.mayReturnNodes());
    returning.removeAll(chunk.outNodes());
    if (returning.isEmpty() && !chunk.mayReturnNodes().isEmpty()) {
      return text
          + "in sync on "
          + nodes(chunk.mayReturnNodes())
          + ", whose device of it is out of service ('cairn node show' says why) and may come back;"
          + " after node.away.grace it counts as gone";
    }
    if (!returning.isEmpty()) {
      return text
          + "in sync on "
          + nodes(returning)
          + ", which may come back: start it, or say that it is gone by 'cairn node rm --force'";
    }
    if (!chunk.unseenNodes().isEmpty()) {
      return text
          + "no gateway has looked at the replica on "
          + nodes(chunk.unseenNodes())
          + " yet";
    }
    text += why(chunk);
    if (chunk.living().isEmpty()) {
      return text + "; no other replica lives: ALL of it is lost and reads as zeroes";
    }
    ReplicaLook best = chunk.living().getFirst();
    text += "; the best replica that lives is " + held(best.condition(), best.version());
    text += " on node " + best.nodeId();
    if (best.condition() == ReplicaCondition.EMPTY) {
      return text + ": ALL of it is lost and reads as zeroes";
    }
    String others =
        chunk.living().stream()
            .skip(1)
            .map(one -> held(one.condition(), one.version()) + " on node " + one.nodeId())
            .collect(Collectors.joining(", "));
    return text + (others.isEmpty() ? "" : " (others: " + others + ")");
  }

  /** Such as "node 1 had all of it, and what was in sync on node 2 lost it". */
  private static String why(Reply.LostChunk chunk) {
    List<Long> lacking = new ArrayList<>(chunk.shortNodes());
    lacking.removeAll(chunk.outNodes());
    List<String> parts = new ArrayList<>();
    if (!chunk.lostNodes().isEmpty()) {
      parts.add(nodes(chunk.lostNodes()) + " had all of it");
    }
    if (!chunk.outNodes().isEmpty()) {
      parts.add(
          "a device of "
              + nodes(chunk.outNodes())
              + " had all of it and is out of service ('cairn node show' says why)");
    }
    if (!lacking.isEmpty()) {
      parts.add("what was in sync on " + nodes(lacking) + " lost some or all of it");
    }
    return String.join(", and ", parts);
  }

  private static String held(ReplicaCondition condition, long version) {
    return switch (condition) {
      case COMPLETE -> "a whole one at version " + Version.text(version);
      case PARTIAL -> "one with gaps, as it was catching up, at version " + Version.text(version);
      case EMPTY -> "an empty one";
    };
  }

  /** Such as "bytes 64MiB to 128MiB of the volume". */
  private static String range(VolumeRecord volume, int index) {
    long from = (long) index * volume.chunkSizeBytes();
    long to = Math.min(from + volume.chunkSizeBytes(), volume.sizeBytes());
    return "bytes " + Sizes.format(from) + " to " + Sizes.format(to);
  }

  private static String nodes(List<Long> nodes) {
    return (nodes.size() == 1 ? "node " : "nodes ")
        + nodes.stream().map(String::valueOf).collect(Collectors.joining(", "));
  }
}
