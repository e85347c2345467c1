package io.cairn.client.cli;

import io.cairn.metadata.view.ClusterJson;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code cairn iscsi session end}. */
@Command(
    name = "end",
    description = {
      "Ends a session within some seconds.",
      "An initiator that may log in does so again: take it off the ACL to keep it out."
    })
final class IscsiSessionEndCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Mixin private ClusterOptions options;

  @Parameters(paramLabel = "SESSION", description = "As 'cairn iscsi session ls' names it.")
  private String session;

  @Override
  public Integer call() {
    int slash = session.lastIndexOf('/');
    if (slash < 1 || !session.substring(slash + 1).matches("[0-9]{1,5}")) {
      throw new ParameterException(
          spec.commandLine(), "'" + session + "' is not GATEWAY/NUMBER, as in gateway-1/7");
    }
    try (ClusterCalls calls = options.connect()) {
      calls.endSession(session.substring(0, slash), Integer.parseInt(session.substring(slash + 1)));
      options.print(
          ClusterJson.object().put("session", session).put("ends", true),
          out -> out.println("session " + session + " is being ended"));
      return 0;
    }
  }
}
