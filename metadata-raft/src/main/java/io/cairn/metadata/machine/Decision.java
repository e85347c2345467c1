package io.cairn.metadata.machine;

import io.cairn.metadata.command.Event;
import io.cairn.metadata.command.Reply;
import java.util.List;

/** What a command comes to: the events that it becomes, and the answer. A refusal has no events. */
public record Decision(List<Event> events, Reply reply) {
  /** Keeps the list immutable. */
  public Decision {
    events = List.copyOf(events);
  }

  static Decision refused(Reply.ErrorCode code, String message) {
    return new Decision(List.of(), new Reply.Refused(code, message));
  }

  /**
   * Refuses what a server of a lower level would not understand, or leave out of what it stores.
   *
   * @param what needs the level, with its verb.
   */
  static Decision tooEarly(String what, int needed, int level) {
    return refused(
        Reply.ErrorCode.INVALID,
        what
            + " level "
            + needed
            + " and the cluster is at "
            + level
            + ": when all servers are new, end the upgrade with 'cairn upgrade --finalize'");
  }

  static Decision answered(Reply reply) {
    return new Decision(List.of(), reply);
  }
}
