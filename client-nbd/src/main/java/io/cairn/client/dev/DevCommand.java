package io.cairn.client.dev;

import io.cairn.client.cli.CommandFailure;
import io.cairn.client.cli.Logging;
import io.cairn.client.cli.StopSignal;
import io.cairn.client.gateway.GatewayOptions;
import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.options.Address;
import io.cairn.metadata.options.OptionException;
import io.cairn.metadata.ratis.RatisMetadataClient;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code cairn dev}: three metadata servers, some storage nodes and a gateway on this machine. */
@Command(
    name = "dev",
    description =
        "Runs a whole cluster that exports volumes over NBD and iSCSI, until SIGTERM or Ctrl-C."
            + " Variables such as CAIRN_STORAGE_READ_CACHE_SIZE set options of its members.")
public final class DevCommand implements Callable<Integer> {
  private static final Duration METADATA_DEADLINE = Duration.ofSeconds(10);

  @Spec private CommandSpec spec;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      defaultValue = "cairn-data",
      description = "Directory of the cluster; survives a restart. Default: ./${DEFAULT-VALUE}")
  private Path directory;

  @Option(
      names = "--nodes",
      paramLabel = "N",
      description = "Storage nodes, 1 to 20. Default: as DIR was made, 3 in a new one")
  private Integer nodes;

  @Option(
      names = "--nbd",
      paramLabel = "HOST:PORT",
      defaultValue = "127.0.0.1:10809",
      description = "Where the gateway listens for NBD clients. Default: ${DEFAULT-VALUE}")
  private String nbd;

  @Option(
      names = "--iscsi",
      paramLabel = "HOST:PORT",
      description = "Where the gateway listens for iSCSI initiators as well. Default: nowhere")
  private String iscsi;

  @Option(
      names = "--volume",
      paramLabel = "NAME:SIZE",
      description =
          "Volume to export, made if it is not there; repeatable. Default: " + DevVolume.DEFAULT)
  private List<String> volumes = new ArrayList<>();

  @Option(
      names = "--base-port",
      paramLabel = "PORT",
      description =
          "The other ports lie between PORT+1 and PORT+61: metadata from +1, storage from +21, HTTP"
              + " from +11, +41 and +61. Default: as DIR was made, 7100 in a new one")
  private Integer basePort;

  @Option(
      names = "--processes",
      description = "One process per role, with DIR/run/NAME.pid, .cmd and .log for each.")
  private boolean processes;

  @Override
  public Integer call() throws Exception {
    checkBounds();
    Address address = listenAddress("--nbd", nbd);
    Optional<Address> portal =
        Optional.ofNullable(iscsi).map(text -> listenAddress("--iscsi", text));
    List<DevVolume> wanted = parsedVolumes();
    try (DevLock lock = DevLock.take(directory.toAbsolutePath().normalize());
        StopSignal signal = new StopSignal()) {
      DevLayout layout = layout(lock.directory(), address, portal);
      Files.createDirectories(layout.runDirectory());
      Logging.ofProcess(layout.runDirectory().resolve("dev.log"));
      checkNothingRuns(layout);
      serve(layout, wanted, signal);
    } catch (OptionException | IOException e) {
      throw new CommandFailure(e.getMessage() == null ? e.toString() : e.getMessage(), e);
    }
    return 0;
  }

  private void serve(DevLayout layout, List<DevVolume> wanted, StopSignal signal)
      throws IOException, InterruptedException {
    try (DevCluster cluster = start(layout, signal)) {
      signal.started();
      if (cluster == null) {
        return;
      }
      try (MetadataClient client =
          RatisMetadataClient.connect(
              new SecureRandom().nextLong(), layout.metadataAddresses(), METADATA_DEADLINE)) {
        new DevReadiness(layout, cluster, client, signal).await(wanted, this::note);
      }
      if (!signal.isSet()) {
        announce(layout, wanted);
        signal.await();
      }
    }
  }

  /** Starts the members; null when a signal has come meanwhile. */
  private DevCluster start(DevLayout layout, StopSignal signal) throws IOException {
    try {
      return processes
          ? ProcessCluster.start(layout)
          : EmbeddedCluster.start(layout, System.getenv());
    } catch (IOException | RuntimeException e) {
      if (signal.isSet()) {
        return null;
      }
      throw e;
    }
  }

  private void announce(DevLayout layout, List<DevVolume> wanted) {
    if (layout.basePort() != DevSettings.DEFAULT.basePort()) {
      note(
          "the operator's verbs need --metadata or CAIRN_METADATA="
              + String.join(",", layout.metadataAddresses()));
    }
    note("the console is at " + layout.consoleUrl());
    PrintWriter out = spec.commandLine().getOut();
    for (DevVolume volume : wanted) {
      out.println("ready nbd://" + layout.nbd() + "/" + volume.name());
      layout
          .iscsi()
          .ifPresent(
              portal ->
                  out.println(
                      "also iscsi://"
                          + portal
                          + "/"
                          + GatewayOptions.ISCSI_NAME_DEFAULT
                          + ":"
                          + volume.name()
                          + "/0"));
    }
    out.flush();
  }

  private void note(String line) {
    PrintWriter err = spec.commandLine().getErr();
    err.println("cairn: note: " + line);
    err.flush();
  }

  /** What was asked for, joined with what the directory was made with. */
  private DevLayout layout(Path path, Address address, Optional<Address> portal)
      throws IOException {
    DevSettings made = DevSettings.recorded(path);
    DevSettings before = made == null ? DevSettings.DEFAULT : made;
    int wantedPort = basePort == null ? before.basePort() : basePort;
    int wantedNodes = nodes == null ? before.nodeCount() : nodes;
    if (made != null && wantedPort != made.basePort()) {
      throw new CommandFailure(
          path
              + " was made with --base-port "
              + made.basePort()
              + ", by which its servers know each other; use that, or another --data");
    }
    if (made != null && wantedNodes < made.nodeCount()) {
      throw new CommandFailure(
          path
              + " was made with --nodes "
              + made.nodeCount()
              + ", and the others may hold replicas; use that or more, or another --data");
    }
    new DevSettings(wantedNodes, wantedPort).record(path);
    return new DevLayout(path, wantedNodes, address, portal, wantedPort);
  }

  private static void checkNothingRuns(DevLayout layout) {
    List<String> survivors = ProcessCluster.survivors(layout);
    if (!survivors.isEmpty()) {
      throw new CommandFailure(
          "members of an earlier cairn dev still run on "
              + layout.directory()
              + ": "
              + String.join(", ", survivors)
              + "; stop them first");
    }
    FreePorts.check(layout);
  }

  private void checkBounds() {
    if (nodes != null && (nodes < 1 || nodes > DevLayout.NODES_MAX)) {
      throw usage("--nodes " + nodes + " is outside 1 to " + DevLayout.NODES_MAX);
    }
    if (basePort != null && (basePort < 1 || basePort > DevSettings.BASE_PORT_MAX)) {
      throw usage("--base-port " + basePort + " is outside 1 to " + DevSettings.BASE_PORT_MAX);
    }
  }

  private Address listenAddress(String option, String text) {
    Address address;
    try {
      address = Address.parse(text);
    } catch (IllegalArgumentException e) {
      throw usage(option + ": " + e.getMessage());
    }
    if (address.port() == 0) {
      throw usage(option + " '" + text + "': the port must be from 1 to 65535");
    }
    return address;
  }

  private List<DevVolume> parsedVolumes() {
    List<DevVolume> parsed = new ArrayList<>();
    for (String text : volumes.isEmpty() ? List.of(DevVolume.DEFAULT) : volumes) {
      try {
        parsed.add(DevVolume.parse(text));
      } catch (IllegalArgumentException e) {
        throw usage("--volume " + text + ": " + e.getMessage());
      }
    }
    return parsed;
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
