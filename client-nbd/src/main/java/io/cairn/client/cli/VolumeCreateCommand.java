package io.cairn.client.cli;

import io.cairn.metadata.command.Command.CreateVolume;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.CacheMode;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.model.VolumeTier;
import io.cairn.metadata.options.Sizes;
import io.cairn.metadata.view.ClusterJson;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code cairn volume create}. */
@Command(name = "create", description = "Creates a thin volume.")
final class VolumeCreateCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ClusterOptions options;

  @Parameters(paramLabel = "NAME", description = "Letters, digits, '.', '_' and '-'; at most 127.")
  private String name;

  @Option(
      names = "--size",
      required = true,
      paramLabel = "S",
      converter = SizeConverter.class,
      description = "Size, like 512MiB or 10GiB: a multiple of 4KiB from 1MiB to 1PiB.")
  private long sizeBytes;

  @Option(
      names = "--replicas",
      paramLabel = "R",
      description = "Copies of each chunk, 1 to 5. Default: 3")
  private Integer replicas;

  @Option(
      names = "--min-in-sync",
      paramLabel = "M",
      description =
          "Copies that must be in sync for writes to go on, 1 to R. Default: a majority, but 1 of"
              + " 2")
  private Integer minInSync;

  @Option(
      names = "--chunk-size",
      paramLabel = "C",
      converter = SizeConverter.class,
      description = "Unit of placement: a power of two from 1MiB to 1GiB. Default: 64MiB")
  private Long chunkSizeBytes;

  @Option(
      names = "--durability",
      paramLabel = "flush|always",
      defaultValue = "flush",
      description =
          "When writes are durable: when flushed, or always before they are answered."
              + " Default: ${DEFAULT-VALUE}")
  private Durability durability;

  @Option(
      names = "--cache-mode",
      paramLabel = "MODE",
      converter = CacheModeConverter.class,
      description =
          "How it uses the nodes' fast devices: write-back, write-through (moved to the capacity"
              + " tier at once) or write-around (and not kept in read caches). Default: write-back")
  private CacheMode cacheMode;

  @Override
  public Integer call() {
    CreateVolume command =
        new CreateVolume(
            name,
            sizeBytes,
            chunkSize(),
            given("--replicas", replicas),
            given("--min-in-sync", minInSync),
            durability,
            cacheMode == null ? null : new VolumeTier(cacheMode, false));
    try (ClusterCalls calls = options.connect()) {
      Reply.Volume created = calls.changeVolume(command);
      VolumeRecord volume = created.volume();
      options.print(
          ClusterJson.volume(created),
          out ->
              out.println(
                  "created volume "
                      + volume.name()
                      + ", "
                      + Sizes.format(volume.sizeBytes())
                      + ", "
                      + volume.replicas()
                      + (volume.replicas() == 1 ? " replica" : " replicas")));
      noteMissingNodes(calls, volume);
      return 0;
    }
  }

  /** The metadata reads 0 as "the default"; somebody who writes 0 does not mean that. */
  private int given(String option, Integer value) {
    if (value != null && value < 1) {
      throw new ParameterException(spec.commandLine(), option + " " + value + " is below 1");
    }
    return value == null ? 0 : value;
  }

  private int chunkSize() {
    if (chunkSizeBytes == null) {
      return 0;
    }
    if (chunkSizeBytes < 1 || chunkSizeBytes > 1 << 30) {
      throw new ParameterException(
          spec.commandLine(),
          "--chunk-size " + Sizes.format(chunkSizeBytes) + " is outside 1MiB to 1GiB");
    }
    return (int) (long) chunkSizeBytes;
  }

  /** Such a volume is legal, and waits at its first write: say so while somebody looks. */
  private void noteMissingNodes(ClusterCalls calls, VolumeRecord volume) {
    long nodes = calls.cluster().nodes().stream().filter(Reply.NodeStatus::up).count();
    if (nodes < volume.replicas()) {
      options.note(
          "volume "
              + volume.name()
              + " wants "
              + volume.replicas()
              + " replicas and "
              + nodes
              + (nodes == 1 ? " node is" : " nodes are")
              + " up: its first write waits for more nodes; --replicas "
              + Math.max(1, nodes)
              + " would not");
    }
  }
}
