package io.cairn.metadata.ratis;

import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The iSCSI sessions that gateways told the leader of, and which of them an operator wants ended.
 * Not in the log, as {@link SoftState}. Thread-safe.
 */
final class TargetSessions {
  /** Gateways with sessions; more are not remembered. */
  private static final int GATEWAYS_MAX = SoftState.GATEWAYS_MAX;

  private record Told(List<Query.TargetSession> sessions, long nanos) {}

  private final Map<String, Told> gateways = new TreeMap<>();
  private final Map<String, TreeSet<Integer>> ends = new TreeMap<>();

  synchronized Reply report(Query.ReportSessions told, long nowNanos) {
    gateways.values().removeIf(former -> isOld(former, nowNanos));
    if (gateways.size() < GATEWAYS_MAX || gateways.containsKey(told.gateway())) {
      gateways.put(told.gateway(), new Told(told.sessions(), nowNanos));
    }
    TreeSet<Integer> ended = ends.remove(told.gateway());
    return new Reply.SessionsToEnd(ended == null ? List.of() : List.copyOf(ended));
  }

  private static boolean isOld(Told told, long nowNanos) {
    return nowNanos - told.nanos() > SoftState.UP_NANOS;
  }

  synchronized Reply all(long nowNanos) {
    List<Reply.GatewaySessions> all = new ArrayList<>();
    gateways.forEach(
        (gateway, told) -> {
          if (!isOld(told, nowNanos)) {
            all.add(new Reply.GatewaySessions(gateway, told.sessions()));
          }
        });
    return new Reply.Sessions(all);
  }

  synchronized Reply end(Query.EndSession wanted, long nowNanos) {
    Told told = gateways.get(wanted.gateway());
    boolean known =
        told != null
            && !isOld(told, nowNanos)
            && told.sessions().stream().anyMatch(one -> one.number() == wanted.number());
    if (!known) {
      return new Reply.Refused(
          Reply.ErrorCode.NOT_FOUND,
          "there is no session " + wanted.gateway() + "/" + wanted.number());
    }
    ends.computeIfAbsent(wanted.gateway(), name -> new TreeSet<>()).add(wanted.number());
    return new Reply.Ok();
  }
}
