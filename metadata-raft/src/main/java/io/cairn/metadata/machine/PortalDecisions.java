package io.cairn.metadata.machine;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Event;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.model.PortalRecord;
import java.util.List;

/** Decides which number a gateway's portal has: initiators know it as one port of each target. */
final class PortalDecisions {
  private final MetadataState state;

  PortalDecisions(MetadataState state) {
    this.state = state;
  }

  Decision register(Command.RegisterPortal c) {
    int highest = 0;
    PortalRecord known = null;
    for (PortalRecord portal : state.portals()) {
      highest = Math.max(highest, portal.number());
      known = portal.gateway().equals(c.gateway()) ? portal : known;
    }
    if (known == null && highest == PortalRecord.NUMBER_MAX) {
      return Decision.refused(
          ErrorCode.INVALID, "portal number " + PortalRecord.NUMBER_MAX + " is the last");
    }
    int number = known == null ? highest + 1 : known.number();
    PortalRecord portal = new PortalRecord(number, c.gateway(), c.address());
    Reply reply = new Reply.PortalRegistered(number);
    return portal.equals(known)
        ? Decision.answered(reply)
        : new Decision(List.of(new Event.PortalStored(portal)), reply);
  }
}
