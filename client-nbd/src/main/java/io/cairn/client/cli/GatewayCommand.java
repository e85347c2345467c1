package io.cairn.client.cli;

import io.cairn.metadata.options.OptionSet;
import io.cairn.metadata.options.OptionValues;
import java.io.IOException;
import picocli.CommandLine.Command;

/** {@code cairn gateway}: one process of that role. */
@Command(name = "gateway", description = "Runs a gateway.")
final class GatewayCommand extends RoleCommand {
  @Override
  OptionSet options() {
    return Role.GATEWAY.options();
  }

  @Override
  Role.Server start(OptionValues values) throws IOException {
    return Role.GATEWAY.start(values);
  }
}
