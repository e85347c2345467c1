package io.cairn.metadata.machine;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Event;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.model.AccessRecord;
import io.cairn.metadata.model.AccessRecord.Initiator;
import io.cairn.metadata.model.VolumeRecord;
import java.util.ArrayList;
import java.util.List;

/** Decides which initiators may see and open a volume. */
final class AccessDecisions {
  private final MetadataState state;

  AccessDecisions(MetadataState state) {
    this.state = state;
  }

  Decision admit(Command.AdmitInitiator c) {
    VolumeRecord volume = state.volume(c.volume());
    if (volume == null) {
      return unknown(c.volume());
    }
    String problem = problem(c.initiator());
    if (problem != null) {
      return Decision.refused(ErrorCode.INVALID, problem);
    }
    AccessRecord before = state.access(volume.volumeId());
    List<Initiator> initiators = others(before, c.initiator().name());
    if (initiators.size() >= AccessRecord.INITIATORS_MAX) {
      return Decision.refused(
          ErrorCode.INVALID,
          "volume "
              + c.volume()
              + " admits "
              + initiators.size()
              + " initiators: at most "
              + AccessRecord.INITIATORS_MAX);
    }
    initiators.add(c.initiator());
    return changed(new AccessRecord(volume.volumeId(), true, initiators));
  }

  Decision exclude(Command.ExcludeInitiator c) {
    VolumeRecord volume = state.volume(c.volume());
    if (volume == null) {
      return unknown(c.volume());
    }
    AccessRecord before = state.access(volume.volumeId());
    List<Initiator> initiators = others(before, c.initiator());
    if (initiators.size() == before.initiators().size()) {
      return Decision.refused(
          ErrorCode.INVALID, "the ACL of volume " + c.volume() + " does not name " + c.initiator());
    }
    return changed(new AccessRecord(volume.volumeId(), true, initiators));
  }

  Decision forget(Command.ForgetAccess c) {
    VolumeRecord volume = state.volume(c.volume());
    return volume == null ? unknown(c.volume()) : changed(AccessRecord.none(volume.volumeId()));
  }

  private static List<Initiator> others(AccessRecord access, String name) {
    List<Initiator> others = new ArrayList<>(access.initiators());
    others.removeIf(one -> one.name().equals(name));
    return others;
  }

  /** RFC 7143 section 4.2.7: the three formats of an iSCSI name. */
  private static String problem(Initiator initiator) {
    String name = initiator.name();
    if (!name.matches("(iqn|eui|naa)\\.[^\\s\\p{Cntrl}]+")) {
      return "'" + name + "' is no iSCSI name: expected iqn.…, eui.… or naa.…";
    }
    if (name.length() > Initiator.NAME_LENGTH_MAX) {
      return "an iSCSI name of "
          + name.length()
          + " characters: at most "
          + Initiator.NAME_LENGTH_MAX;
    }
    String account = initiator.account();
    return account != null && (account.isEmpty() || account.length() > Initiator.NAME_LENGTH_MAX)
        ? "a CHAP name of "
            + account.length()
            + " characters: expected 1 to "
            + Initiator.NAME_LENGTH_MAX
        : null;
  }

  private static Decision changed(AccessRecord access) {
    return new Decision(List.of(new Event.AccessChanged(access)), new Reply.Access(access));
  }

  private static Decision unknown(String volume) {
    return Decision.refused(ErrorCode.NOT_FOUND, "there is no volume " + volume);
  }
}
