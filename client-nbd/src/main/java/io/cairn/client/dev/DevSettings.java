package io.cairn.client.dev;

import io.cairn.metadata.options.Option;
import io.cairn.metadata.options.OptionSet;
import io.cairn.metadata.options.OptionType;
import io.cairn.metadata.options.OptionValues;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;

/**
 * What a dev cluster was made with, and must be started with again: the metadata servers know each
 * other by their ports, and nodes that are left out take their replicas with them.
 *
 * @param nodeCount storage nodes.
 * @param basePort base of the ports.
 */
record DevSettings(int nodeCount, int basePort) {
  static final DevSettings DEFAULT = new DevSettings(3, 7100);
  static final int BASE_PORT_MAX = 65_535 - DevLayout.PORT_SPAN;

  private static final Option<Integer> NODES =
      Option.required(
          "nodes", OptionType.integer(1, DevLayout.NODES_MAX), "Number of storage nodes.");
  private static final Option<Integer> BASE_PORT =
      Option.required("base.port", OptionType.integer(1, BASE_PORT_MAX), "Base of the ports.");
  private static final OptionSet SET = OptionSet.of("dev", NODES, BASE_PORT);

  /** What is recorded in the directory, or null in a new one. */
  static DevSettings recorded(Path directory) {
    Path file = file(directory);
    if (!Files.exists(file)) {
      return null;
    }
    OptionValues values = SET.read(file, Map.of(), Map.of());
    return new DevSettings(values.get(NODES), values.get(BASE_PORT));
  }

  /** Records these settings. */
  void record(Path directory) throws IOException {
    Path part = directory.resolve("dev.yaml.new");
    Files.writeString(
        part,
        "# Written by cairn dev: what this cluster consists of.\n"
            + ("nodes: " + nodeCount + "\n")
            + ("base.port: " + basePort + "\n"));
    Files.move(
        part, file(directory), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private static Path file(Path directory) {
    return directory.resolve("dev.yaml");
  }
}
