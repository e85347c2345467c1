package io.cairn.client.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.options.Sizes;
import io.cairn.metadata.view.ClusterJson;
import java.time.Instant;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code cairn iscsi session ls}. */
@Command(name = "ls", description = "Lists the sessions that gateways told of in the last seconds.")
final class IscsiSessionListCommand implements Callable<Integer> {
  @Mixin private ClusterOptions options;

  @Override
  public Integer call() {
    try (ClusterCalls calls = options.connect()) {
      Table table =
          new Table(
              "SESSION",
              "VOLUME",
              "INITIATOR",
              "FROM",
              "PORTAL",
              "ACCESS",
              "SINCE",
              ">READS",
              ">READ",
              ">WRITES",
              ">WRITTEN");
      ArrayNode json = ClusterJson.array();
      for (Reply.GatewaySessions gateway : calls.sessions()) {
        for (Query.TargetSession one : gateway.sessions()) {
          String id = gateway.gateway() + "/" + one.number();
          String since = Instant.ofEpochMilli(one.beganMillis() / 1000 * 1000).toString();
          String access = one.active() ? "active" : "standby";
          table.row(
              id,
              one.volume(),
              printable(one.initiator()),
              one.peer(),
              one.portal(),
              access,
              since,
              one.reads(),
              Sizes.format(one.readBytes()),
              one.writes(),
              Sizes.format(one.writtenBytes()));
          json.addObject()
              .put("session", id)
              .put("gateway", gateway.gateway())
              .put("volume", one.volume())
              .put("initiator", one.initiator())
              .put("peer", one.peer())
              .put("portal", one.portal())
              .put("access", access)
              .put("since", since)
              .put("reads", one.reads())
              .put("readBytes", one.readBytes())
              .put("writes", one.writes())
              .put("writtenBytes", one.writtenBytes());
        }
      }
      options.print(json, table::print);
      return 0;
    }
  }

  /** It came from outside: no control characters on a terminal. */
  private static String printable(String initiator) {
    return initiator.replaceAll("[^\\x21-\\x7e]", "?");
  }
}
