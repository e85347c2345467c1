package io.cairn.metadata.machine;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Event;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.model.ReservationRecord;
import io.cairn.metadata.model.VolumeRecord;
import java.util.List;

/**
 * Decides who keeps registrations and reservations. What SCSI makes of them is the gateways'
 * matter: here each change follows upon the one that its author has seen.
 */
final class ReservationDecisions {
  private final MetadataState state;

  ReservationDecisions(MetadataState state) {
    this.state = state;
  }

  Decision store(Command.StoreReservations c) {
    ReservationRecord next = c.reservations();
    VolumeRecord volume = state.volume(next.volumeId());
    if (volume == null) {
      return Decision.refused(ErrorCode.NOT_FOUND, "there is no volume with id " + next.volumeId());
    }
    if (c.generation() >= 0 && c.generation() != volume.generation()) {
      return Decision.refused(
          ErrorCode.STALE_GENERATION,
          "generation is " + volume.generation() + ", not " + c.generation());
    }
    long version = state.reservations(next.volumeId()).version();
    if (next.version() != version + 1) {
      return Decision.refused(
          ErrorCode.STALE_VERSION,
          "version is " + version + ", which " + next.version() + " does not follow");
    }
    if (next.registrations().size() > ReservationRecord.REGISTRATIONS_MAX) {
      return Decision.refused(
          ErrorCode.INVALID,
          next.registrations().size()
              + " registrations: at most "
              + ReservationRecord.REGISTRATIONS_MAX);
    }
    for (ReservationRecord.Registration one : next.registrations()) {
      int length = one.port().initiatorPort().length();
      if (length > ReservationRecord.PORT_NAME_LENGTH_MAX) {
        return Decision.refused(
            ErrorCode.INVALID,
            "an initiator port's name of "
                + length
                + " characters: at most "
                + ReservationRecord.PORT_NAME_LENGTH_MAX);
      }
    }
    ReservationRecord.Sanitizing sanitizing = next.sanitizing();
    if (sanitizing != null
        && sanitizing.pattern().length() > ReservationRecord.PATTERN_LENGTH_MAX) {
      return Decision.refused(
          ErrorCode.INVALID,
          "a pattern of "
              + sanitizing.pattern().length()
              + " digits: at most "
              + ReservationRecord.PATTERN_LENGTH_MAX);
    }
    return new Decision(List.of(new Event.ReservationsStored(next)), new Reply.Ok());
  }
}
