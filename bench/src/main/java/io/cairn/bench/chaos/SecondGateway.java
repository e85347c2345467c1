package io.cairn.bench.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Another gateway of a running cluster. */
public final class SecondGateway {
  private SecondGateway() {}

  /**
   * Starts it; the caller ends it.
   *
   * @param directory gets its configuration and its log.
   * @param iscsi whether it serves iSCSI too.
   */
  public static Tool.Running start(RunningCluster cluster, Path directory, boolean iscsi)
      throws IOException {
    List<String> settings = new ArrayList<>();
    settings.add("metadata.addresses: '" + cluster.metadataAddresses() + "'");
    settings.add("nbd.address: '127.0.0.1:" + cluster.secondNbdPort() + "'");
    if (iscsi) {
      settings.add("iscsi.address: '127.0.0.1:" + cluster.secondIscsiPort() + "'");
    }
    settings.add("http.address: '127.0.0.1:" + cluster.secondHttpPort() + "'");
    settings.add("name: gateway-2");
    Path config = directory.resolve("gateway-2.yaml");
    Files.write(config, settings);
    return new Tool(Program.launcher().toString(), "this project")
        .start(directory.resolve("gateway-2.log"), "gateway", "--config", config.toString());
  }
}
