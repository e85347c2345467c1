package io.cairn.client.scsi;

import java.util.Map;

/**
 * A unit as an EXTENDED COPY uses it that an initiator sent to another one: with the rights of that
 * initiator's own session here, whatever its ISID.
 */
record ThirdPartyAccess(
    String managerPort,
    Map<String, Nexus> nexuses,
    TargetPorts ports,
    BlockCommands blocks,
    ModePages modes,
    Sanitize sanitize,
    PersistentReservations reservations)
    implements CopyEnd {
  boolean isReachable() {
    return nexus() != null && ports.state() == TargetPorts.State.ACTIVE;
  }

  private Nexus nexus() {
    Nexus same = nexuses.get(managerPort);
    if (same != null) {
      return same;
    }
    String initiator = TransportId.initiatorOf(managerPort);
    for (Map.Entry<String, Nexus> one : nexuses.entrySet()) {
      if (TransportId.initiatorOf(one.getKey()).equals(initiator)) {
        return one.getValue();
      }
    }
    return null;
  }

  @Override
  public void admit(boolean writes, Completion refused, Runnable run) {
    Nexus here = nexus();
    Command like = writes ? Command.WRITE_16 : Command.READ_16;
    if (!isReachable()) {
      refused.check(Sense.COPY_TARGET_NOT_REACHABLE);
    } else if (!sanitize.admits(like) || writes && modes.writeProtect()) {
      refused.check(Sense.THIRD_PARTY_DEVICE_FAILURE);
    } else if (reservations.conflicts(here, like)) {
      Completion conflict =
          (status, sense, data) -> refused.check(Sense.THIRD_PARTY_DEVICE_FAILURE);
      reservations.unlessConflict(here, like, conflict, run);
    } else {
      run.run();
    }
  }
}
