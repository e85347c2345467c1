package io.cairn.client.cli;

import picocli.CommandLine.Command;

/** {@code cairn node …}. */
@Command(
    name = "node",
    description = "Storage nodes.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      NodeListCommand.class,
      NodeShowCommand.class,
      NodeDrainCommand.class,
      NodeFlushCacheCommand.class,
      NodeResizeCacheCommand.class,
      NodeRemoveCommand.class
    })
final class NodeCommand {}
