package io.cairn.metadata.machine;

import io.cairn.metadata.command.Reply.ScrubFinding;
import io.cairn.metadata.command.Reply.ScrubSummary;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.ChunkScrub;
import io.cairn.metadata.model.VolumeScrub;
import java.util.ArrayList;
import java.util.List;

/** Sums up what scrubs of a volume's chunks came to. */
final class ScrubCounts {
  private final VolumeScrub asked;
  private final List<ScrubFinding> findings = new ArrayList<>();
  private long lightOldestMillis = Long.MAX_VALUE;
  private long deepOldestMillis = Long.MAX_VALUE;
  private long waiting;
  private long mendedBlocks;
  private long badBlocks;

  ScrubCounts(VolumeScrub asked) {
    this.asked = asked;
  }

  void add(ChunkRecord chunk) {
    ChunkScrub scrub = chunk.lastScrub();
    lightOldestMillis = Math.min(lightOldestMillis, scrub.lightMillis());
    deepOldestMillis = Math.min(deepOldestMillis, scrub.deepMillis());
    waiting += asked.awaited() && scrub.request() < asked.request() ? 1 : 0;
    mendedBlocks += scrub.mendedBlocks();
    badBlocks += scrub.badBlocks().size();
    boolean found = scrub.mendedBlocks() > 0 || !scrub.badBlocks().isEmpty();
    if (found && findings.size() < ScrubSummary.FINDINGS_MAX) {
      findings.add(new ScrubFinding(chunk.layer(), chunk.index(), scrub));
    }
  }

  ScrubSummary summary() {
    return new ScrubSummary(
        lightOldestMillis == Long.MAX_VALUE ? 0 : lightOldestMillis,
        deepOldestMillis == Long.MAX_VALUE ? 0 : deepOldestMillis,
        waiting,
        mendedBlocks,
        badBlocks,
        findings);
  }
}
