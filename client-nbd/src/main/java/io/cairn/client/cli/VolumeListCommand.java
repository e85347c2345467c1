package io.cairn.client.cli;

import io.cairn.metadata.command.Reply;
import io.cairn.metadata.view.ClusterJson;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code cairn volume ls}. */
@Command(name = "ls", description = "Lists the volumes.")
final class VolumeListCommand implements Callable<Integer> {
  @Mixin private ClusterOptions options;

  @Override
  public Integer call() {
    try (ClusterCalls calls = options.connect()) {
      Reply.Cluster cluster = calls.cluster();
      options.print(ClusterJson.volumes(cluster), Tables.volumes(cluster)::print);
      return 0;
    }
  }
}
