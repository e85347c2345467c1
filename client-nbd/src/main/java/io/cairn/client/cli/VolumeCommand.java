package io.cairn.client.cli;

import picocli.CommandLine.Command;

/** {@code cairn volume …}. */
@Command(
    name = "volume",
    description = "Volumes.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      VolumeCreateCommand.class,
      VolumeListCommand.class,
      VolumeShowCommand.class,
      VolumeResizeCommand.class,
      VolumeSetCommand.class,
      VolumeScrubCommand.class,
      VolumeRecoverCommand.class,
      VolumeRemoveCommand.class
    })
final class VolumeCommand {}
