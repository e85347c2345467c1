package io.cairn.metadata.machine;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Event;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.model.VolumeScrub;
import java.util.ArrayList;
import java.util.List;

/**
 * Decides what operators want scrubbed, and records what owners found. Nothing here concerns which
 * replicas there are: epochs stay.
 */
final class ScrubDecisions {
  private final MetadataState state;

  ScrubDecisions(MetadataState state) {
    this.state = state;
  }

  Decision ask(Command.ScrubVolume c) {
    VolumeRecord volume = state.volume(c.name());
    if (volume == null) {
      return Decision.refused(ErrorCode.NOT_FOUND, "there is no volume " + c.name());
    }
    VolumeScrub scrub = volume.scrubs().asked(c.deep());
    if (state.chunks(volume.volumeId(), 0, 0, 1).isEmpty()) {
      scrub = new VolumeScrub(scrub.request(), scrub.deep(), scrub.request());
    }
    VolumeRecord asked = volume.scrubbing(scrub);
    return new Decision(List.of(new Event.VolumeStored(asked)), new Reply.Volume(asked, null));
  }

  /** From the owner only: another one may have found something else since. */
  Decision report(Command.ReportScrubs c) {
    VolumeRecord volume = state.volume(c.volumeId());
    Decision refusal =
        ChunkDecisions.refusal(volume, c.volumeId(), c.generation(), c.findings().size());
    if (refusal != null) {
      return refusal;
    }
    List<Event> events = new ArrayList<>();
    for (Command.ReportScrubs.Finding finding : c.findings()) {
      ChunkRecord chunk = state.chunk(c.volumeId(), finding.layer(), finding.index());
      if (chunk != null) {
        events.add(new Event.ChunkStored(chunk.scrubbed(finding.scrub())));
      }
    }
    VolumeScrub scrub = volume.scrubs();
    if (c.done() > scrub.done() && c.done() <= scrub.request()) {
      volume = volume.scrubbing(new VolumeScrub(scrub.request(), scrub.deep(), c.done()));
      events.add(new Event.VolumeStored(volume));
    }
    return new Decision(events, new Reply.Volume(volume, null));
  }
}
