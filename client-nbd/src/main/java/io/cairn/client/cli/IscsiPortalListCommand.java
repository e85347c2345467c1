package io.cairn.client.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.view.ClusterJson;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code cairn iscsi portal ls}. */
@Command(name = "ls", description = "Lists the gateways that serve iSCSI, or did.")
final class IscsiPortalListCommand implements Callable<Integer> {
  @Mixin private ClusterOptions options;

  @Override
  public Integer call() {
    try (ClusterCalls calls = options.connect()) {
      Table table = new Table(">NUMBER", "GATEWAY", "ADDRESS", "STATE");
      ArrayNode json = ClusterJson.array();
      for (Reply.PortalStatus one : calls.portals(null).portals()) {
        String state = one.up() ? "up" : "down";
        table.row(one.portal().number(), one.portal().gateway(), one.portal().address(), state);
        json.addObject()
            .put("number", one.portal().number())
            .put("gateway", one.portal().gateway())
            .put("address", one.portal().address())
            .put("up", one.up());
      }
      options.print(json, table::print);
      return 0;
    }
  }
}
