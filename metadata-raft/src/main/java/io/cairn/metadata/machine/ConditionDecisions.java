package io.cairn.metadata.machine;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Event;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.model.ClusterCondition;
import io.cairn.metadata.release.Release;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Decides what the leader reports of the cluster: only what is not on record yet is news. */
final class ConditionDecisions {
  private static final int ASPECT_LENGTH_MAX = 32;

  /** Conditions on record; what would be one more is not told. */
  static final int ON_RECORD_MAX = 4096;

  private final MetadataState state;

  ConditionDecisions(MetadataState state) {
    this.state = state;
  }

  Decision report(Command.ReportConditions c) {
    if (state.level() < Release.LEVEL_OF_EVENTS) {
      return Decision.tooEarly("events need", Release.LEVEL_OF_EVENTS, state.level());
    }
    String problem = problem(c);
    if (problem != null) {
      return Decision.refused(ErrorCode.INVALID, problem);
    }
    List<ClusterCondition> news = new ArrayList<>();
    long onRecord = state.conditions().size();
    for (ClusterCondition condition : c.conditions()) {
      ClusterCondition before = state.condition(condition);
      boolean room = before != null || onRecord + news.size() < ON_RECORD_MAX;
      if (room
          && !Objects.equals(before == null ? null : before.value(), condition.value())
          && news.stream().noneMatch(condition::isOf)) {
        news.add(condition);
      }
    }
    List<Event> events = new ArrayList<>();
    news.forEach(condition -> events.add(new Event.ConditionStored(condition)));
    return new Decision(events, new Reply.Ok());
  }

  private static String problem(Command.ReportConditions c) {
    int count = c.conditions().size();
    if (count > Command.ReportConditions.CONDITIONS_MAX) {
      return count + " conditions, at most " + Command.ReportConditions.CONDITIONS_MAX;
    }
    for (ClusterCondition condition : c.conditions()) {
      if (condition.aspect().length() > ASPECT_LENGTH_MAX
          || condition.subject().length() > ClusterCondition.SUBJECT_LENGTH_MAX) {
        return "a condition's aspect or subject is too long";
      }
    }
    return null;
  }
}
