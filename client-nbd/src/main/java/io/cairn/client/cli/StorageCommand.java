package io.cairn.client.cli;

import io.cairn.metadata.options.OptionSet;
import io.cairn.metadata.options.OptionValues;
import java.io.IOException;
import picocli.CommandLine.Command;

/** {@code cairn storage}: one process of that role. */
@Command(name = "storage", description = "Runs a storage node.")
final class StorageCommand extends RoleCommand {
  @Override
  OptionSet options() {
    return Role.STORAGE.options();
  }

  @Override
  Role.Server start(OptionValues values) throws IOException {
    return Role.STORAGE.start(values);
  }
}
