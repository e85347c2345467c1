package io.cairn.client.cli;

import io.cairn.metadata.command.Command.SetVolume;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.CacheMode;
import io.cairn.metadata.view.ClusterJson;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code cairn volume set}: changes how a volume is kept, while it is in use. */
@Command(
    name = "set",
    description =
        "Changes how a volume is kept, while it is in use. New replicas are brought up in the"
            + " background; 'cairn status' shows how far that is. Nodes hear of another cache mode"
            + " or pin within some 12 s.")
final class VolumeSetCommand implements Callable<Integer> {
  @Mixin private ClusterOptions options;
  @Spec private picocli.CommandLine.Model.CommandSpec spec;

  @Parameters(paramLabel = "NAME", description = "The volume.")
  private String name;

  @Option(names = "--replicas", paramLabel = "N", description = "Copies of each chunk, 1 to 5.")
  private Integer replicas;

  @Option(
      names = "--min-in-sync",
      paramLabel = "N",
      description =
          "Copies that a write needs. Default: as it is, or as usual for the new number of copies"
              + " when it was as usual for the old one")
  private Integer minInSync;

  @Option(
      names = "--cache-mode",
      paramLabel = "MODE",
      converter = CacheModeConverter.class,
      description = "How it uses the nodes' fast devices: write-back, write-through, write-around.")
  private CacheMode cacheMode;

  @Option(
      names = "--pin",
      paramLabel = "on|off",
      description =
          "Whether its blocks come into the nodes' read caches, where they have such, at their"
              + " first read and stay there, as far as the option read.cache.pinned lets them.")
  private OnOff pinned;

  @Override
  public Integer call() {
    if (replicas == null && minInSync == null && cacheMode == null && pinned == null) {
      throw new ParameterException(
          spec.commandLine(),
          "nothing is to be set: give --replicas, --min-in-sync, --cache-mode or --pin");
    }
    int wanted = checked("--replicas", replicas);
    int needed = checked("--min-in-sync", minInSync);
    try (ClusterCalls calls = options.connect()) {
      calls.changeVolume(
          new SetVolume(
              name, wanted, needed, cacheMode, pinned == null ? null : pinned == OnOff.ON));
      Reply.Volume volume = calls.volume(name);
      options.print(
          ClusterJson.volume(volume),
          out ->
              out.println(
                  "volume "
                      + name
                      + " keeps "
                      + volume.volume().replicas()
                      + " replicas now, writes need "
                      + volume.volume().minInSync()
                      + ", cache mode "
                      + volume.volume().tiering().mode().text()
                      + (volume.volume().tiering().pinned() ? ", pinned" : "")));
      return 0;
    }
  }

  /** 0 says that nothing is to be changed, so it cannot be asked for. */
  private int checked(String option, Integer value) {
    if (value != null && value < 1) {
      throw new ParameterException(spec.commandLine(), option + " " + value + " is below 1");
    }
    return value == null ? 0 : value;
  }
}
