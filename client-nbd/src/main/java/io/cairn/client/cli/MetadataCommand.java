package io.cairn.client.cli;

import io.cairn.metadata.options.OptionSet;
import io.cairn.metadata.options.OptionValues;
import java.io.IOException;
import picocli.CommandLine.Command;

/** {@code cairn metadata}: one process of that role. */
@Command(name = "metadata", description = "Runs a metadata server.")
final class MetadataCommand extends RoleCommand {
  @Override
  OptionSet options() {
    return Role.METADATA.options();
  }

  @Override
  Role.Server start(OptionValues values) throws IOException {
    return Role.METADATA.start(values);
  }
}
