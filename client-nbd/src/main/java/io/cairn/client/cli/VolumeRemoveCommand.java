package io.cairn.client.cli;

import io.cairn.metadata.command.Command.DeleteVolume;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.view.ClusterJson;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cairn volume rm}. */
@Command(name = "rm", description = "Deletes a volume with its data.")
final class VolumeRemoveCommand implements Callable<Integer> {
  @Mixin private ClusterOptions options;

  @Parameters(paramLabel = "NAME", description = "The volume.")
  private String name;

  @Option(names = "--force", description = "Deletes it even while a gateway has it attached.")
  private boolean force;

  @Override
  public Integer call() {
    try (ClusterCalls calls = options.connect()) {
      Reply.Volume deleted = calls.changeVolume(new DeleteVolume(name, force));
      options.print(
          ClusterJson.object()
              .put("name", name)
              .put("id", deleted.volume().volumeId())
              .put("deleted", true),
          out -> out.println("deleted volume " + name));
      return 0;
    }
  }
}
