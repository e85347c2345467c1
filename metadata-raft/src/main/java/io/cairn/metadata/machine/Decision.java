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

  static Decision answered(Reply reply) {
    return new Decision(List.of(), reply);
  }
}
