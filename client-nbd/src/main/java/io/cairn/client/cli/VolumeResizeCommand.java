package io.cairn.client.cli;

import io.cairn.metadata.command.Command.ResizeVolume;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.options.Sizes;
import io.cairn.metadata.view.ClusterJson;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cairn volume resize}. */
@Command(name = "resize", description = "Grows a volume.")
final class VolumeResizeCommand implements Callable<Integer> {
  @Mixin private ClusterOptions options;

  @Parameters(paramLabel = "NAME", description = "The volume.")
  private String name;

  @Option(
      names = "--size",
      required = true,
      paramLabel = "S",
      converter = SizeConverter.class,
      description = "The new size, like 10GiB; not below the present one.")
  private long sizeBytes;

  @Override
  public Integer call() {
    try (ClusterCalls calls = options.connect()) {
      calls.changeVolume(new ResizeVolume(name, sizeBytes));
      Reply.Volume volume = calls.volume(name);
      options.print(
          ClusterJson.volume(volume),
          out ->
              out.println(
                  "volume " + name + " is " + Sizes.format(volume.volume().sizeBytes()) + " now"));
      return 0;
    }
  }
}
