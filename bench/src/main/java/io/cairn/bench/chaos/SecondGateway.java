package io.cairn.bench.acceptance;

import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Tool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Another gateway of a running cluster, with iSCSI. */
final class SecondGateway {
  private SecondGateway() {}

  /**
   * Starts it; the caller ends it.
   *
   * @param directory gets its configuration and its log.
   */
  static Tool.Running start(RunningCluster cluster, Path directory) throws IOException {
    Path config = directory.resolve("gateway-2.yaml");
    Files.write(
        config,
        List.of(
            "metadata.addresses: '" + cluster.metadataAddresses() + "'",
            "nbd.address: '127.0.0.1:" + cluster.secondNbdPort() + "'",
            "iscsi.address: '127.0.0.1:" + cluster.secondIscsiPort() + "'",
            "http.address: '127.0.0.1:" + cluster.secondHttpPort() + "'",
            "name: gateway-2"));
    return new Tool(Program.launcher().toString(), "this project")
        .start(directory.resolve("gateway-2.log"), "gateway", "--config", config.toString());
  }
}
