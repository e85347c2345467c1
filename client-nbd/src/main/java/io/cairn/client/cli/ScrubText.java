package io.cairn.client.cli;

import io.cairn.metadata.command.Reply;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** What scrubs came to, for people. */
final class ScrubText {
  private ScrubText() {}

  /** Such as "checksums 2026-11-21T20:00:00Z, data never". */
  static String last(Reply.ScrubSummary scrubs) {
    return "checksums "
        + time(scrubs.lightOldestMillis())
        + ", data "
        + time(scrubs.deepOldestMillis())
        + "; "
        + scrubs.mendedBlocks()
        + " copies of blocks mended so far";
  }

  /** The same of the chunk that waits longest, over all volumes; null where there is none. */
  static String last(List<Reply.Volume> volumes) {
    List<Reply.ScrubSummary> scrubs =
        volumes.stream()
            .filter(volume -> volume.scrubs() != null && volume.health().chunks() > 0)
            .map(Reply.Volume::scrubs)
            .toList();
    return scrubs.isEmpty()
        ? null
        : "checksums "
            + time(scrubs.stream().mapToLong(Reply.ScrubSummary::lightOldestMillis).min().orElse(0))
            + ", data "
            + time(scrubs.stream().mapToLong(Reply.ScrubSummary::deepOldestMillis).min().orElse(0));
  }

  private static String time(long millis) {
    return millis == 0
        ? "never, or not of every chunk"
        : Instant.ofEpochMilli(millis).truncatedTo(ChronoUnit.SECONDS).toString();
  }

  /** Whether the volume waits for a scrub, or has something bad, or had. */
  static boolean isWorthALine(Reply.Volume volume) {
    return volume.scrubs() != null
        && (volume.volume().scrubs().awaited() || volume.scrubs().badBlocks() > 0);
  }

  /** The same in one line. */
  static String line(Reply.Volume volume) {
    List<String> parts = new ArrayList<>();
    if (volume.volume().scrubs().awaited()) {
      parts.add(
          volume.scrubs().waiting() + " of " + volume.health().chunks() + " chunks left to scrub");
    }
    if (volume.scrubs().badBlocks() > 0) {
      parts.add(
          volume.scrubs().badBlocks()
              + " blocks without a good copy; 'cairn volume show "
              + volume.volume().name()
              + "' names them");
    }
    return String.join(", ", parts);
  }

  /** One line for each chunk in which something was found. */
  static List<String> findings(Reply.Volume volume) {
    List<String> lines = new ArrayList<>();
    for (Reply.ScrubFinding finding : volume.scrubs().findings()) {
      String bad =
          finding.scrub().badBlocks().stream()
              .map(String::valueOf)
              .collect(Collectors.joining(", "));
      lines.add(
          "chunk "
              + finding.index()
              + ": "
              + finding.scrub().mendedBlocks()
              + " copies mended so far"
              + (bad.isEmpty() ? "" : "; no good copy of block " + bad + ", 4 KiB each"));
    }
    return lines;
  }
}
