package io.cairn.bench.chaos.nemesis;

import com.fasterxml.jackson.databind.JsonNode;
import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.ChaosFailure;
import io.cairn.bench.chaos.Ports;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.Tool;
import io.cairn.bench.chaos.Trees;
import io.cairn.client.cli.Role;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import java.util.function.Predicate;

/** Three metadata servers, storage nodes and two gateways, each on a host of its own. */
final class Servers implements AutoCloseable {
  static final int GATEWAYS = 2;
  private static final int METADATA = 3;

  /** Cache devices and capacity devices of a node, with a shard on each pair of them. */
  private static final int DEVICES = 2;

  private static final Duration READY = Duration.ofSeconds(120);
  private static final Duration MOUNT = Duration.ofSeconds(30);

  /** A node's device for chunks: small enough to be filled, with room for the volumes. */
  private static final int CAPACITY_MEBIBYTES = 640;

  private static final int RESERVE_MEBIBYTES = 64;

  private final Network network;
  private final Map<Role, PodSettings> pods;
  private final Engine engine;
  private final Path directory;
  private final Path memory;
  private final Ports ports = Ports.free();
  private final Map<String, Server> servers = new LinkedHashMap<>();

  /**
   * Makes the hosts and writes the settings; {@link #start} runs them.
   *
   * @param image of which each server has a container; null for processes.
   */
  Servers(Network network, Map<Role, PodSettings> pods, Path directory, int nodes, String image)
      throws IOException {
    this.network = network;
    this.pods = pods;
    // A container sees what is under it by the same name.
    this.directory = directory.toAbsolutePath();
    Files.createDirectories(directory);
    memory = Path.of("/dev/shm", "cairn-chaos-" + ProcessHandle.current().pid());
    if (network.canCut()) {
      mountMemory(Path.of("/dev/shm"), 2048);
    }
    Files.createDirectories(memory);
    engine = new Engine(image, List.of(this.directory, memory));
    List<Host> metadata = new ArrayList<>();
    for (int number = 1; number <= METADATA; number++) {
      metadata.add(network.add(name(Role.METADATA, number)));
    }
    for (int number = 1; number <= METADATA; number++) {
      add(Role.METADATA, metadata.get(number - 1), number, metadataSettings(number));
    }
    for (int number = 1; number <= nodes; number++) {
      Host host = network.add(name(Role.STORAGE, number));
      add(Role.STORAGE, host, 20 + number, storageSettings(host, number));
    }
    for (int number = 1; number <= GATEWAYS; number++) {
      Host host = network.add(name(Role.GATEWAY, number));
      add(Role.GATEWAY, host, 35 + number, gatewaySettings(host, number));
    }
  }

  /** As its pod is called. */
  private String name(Role role, int number) {
    return pods.get(role).podName(role, number - 1);
  }

  private void add(Role role, Host host, int number, Map<String, String> settings) {
    servers.put(
        host.name(),
        new Server(role, host, engine, ports.base() + 10 + number, directory, settings));
  }

  private Map<String, String> metadataSettings(int number) throws IOException {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("metadata.address", metadataAddress(number));
    settings.put("metadata.group", metadataAddresses());
    settings.put("data.directory", made(name(Role.METADATA, number)));
    return settings;
  }

  private Map<String, String> storageSettings(Host host, int number) throws IOException {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("metadata.addresses", metadataAddresses());
    settings.put("data.address", host.address() + ":" + (ports.base() + 50 + number));
    settings.put("data.directory", made(host.name()));
    settings.put("journal.size", "64MiB");
    settings.put("journal.segment", "4MiB");
    settings.put("journal.memory", journalMemory(host).toString());
    Files.createDirectories(journalMemory(host));
    settings.put("name", host.name());
    settings.put("host", host.name());
    settings.put("capacity.reserve", RESERVE_MEBIBYTES + "MiB");
    settings.put("shards", Integer.toString(DEVICES));
    settings.put("device.stall", "4s");
    settings.put("test.device.faults", "true");
    List<String> cache = new ArrayList<>();
    List<String> capacity = new ArrayList<>();
    for (int device = 1; device <= DEVICES; device++) {
      cache.add(cache(host, device).toString());
      capacity.add(capacity(host, device).toString());
      Files.createDirectories(cache(host, device));
      if (network.canCut()) {
        mountMemory(capacity(host, device), CAPACITY_MEBIBYTES);
      } else {
        Files.createDirectories(capacity(host, device));
      }
    }
    settings.put("cache.directory", String.join(",", cache));
    settings.put("capacity.directory", String.join(",", capacity));
    return settings;
  }

  private Map<String, String> gatewaySettings(Host host, int number) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("metadata.addresses", metadataAddresses());
    settings.put("nbd.address", host.address() + ":" + nbdPort(number));
    settings.put("iscsi.address", host.address() + ":" + iscsiPort(number));
    settings.put("name", host.name());
    return settings;
  }

  private int nbdPort(int number) {
    return ports.base() + 60 + number;
  }

  private int iscsiPort(int number) {
    return ports.base() + 62 + number;
  }

  private String made(String name) throws IOException {
    return Files.createDirectories(directory.resolve(name)).toString();
  }

  private static void mountMemory(Path place, int mebibytes) throws IOException {
    Files.createDirectories(place);
    new Tool("mount", "mount")
        .run(MOUNT, "-t", "tmpfs", "-o", "size=" + mebibytes + "m", "tmpfs", place.toString())
        .ok();
  }

  /** Where a node keeps chunks, file systems of their own when there are namespaces. */
  Path capacity(Host host, int device) {
    return directory.resolve(host.name() + "-chunks-" + device);
  }

  /** Where a node keeps journals. */
  private Path cache(Host host, int device) {
    return directory.resolve(host.name() + "-cache-" + device);
  }

  /** The directories of a node's devices. */
  List<Path> devices(Host host) {
    List<Path> devices = new ArrayList<>();
    for (int device = 1; device <= DEVICES; device++) {
      devices.add(cache(host, device));
      devices.add(capacity(host, device));
    }
    return devices;
  }

  /** What of a node's journals outlives its process, but not its machine's power. */
  Path journalMemory(Host host) {
    return memory.resolve(host.name());
  }

  private String metadataAddress(int number) {
    String address = network.host(name(Role.METADATA, number)).address();
    return address + ":" + (ports.base() + number);
  }

  /** What the operator's verbs find the cluster by. */
  String metadataAddresses() {
    List<String> addresses = new ArrayList<>();
    for (int number = 1; number <= METADATA; number++) {
      addresses.add(metadataAddress(number));
    }
    return String.join(",", addresses);
  }

  /** Where clients connect by NBD, the named gateway first. */
  List<InetSocketAddress> exports(int firstGateway) {
    return addresses(firstGateway, this::nbdPort);
  }

  /** Where initiators connect, the named gateway first. */
  List<InetSocketAddress> portals(int firstGateway) {
    return addresses(firstGateway, this::iscsiPort);
  }

  private List<InetSocketAddress> addresses(int firstGateway, IntUnaryOperator port) {
    List<InetSocketAddress> addresses = new ArrayList<>();
    for (int i = 0; i < GATEWAYS; i++) {
      int number = (firstGateway - 1 + i) % GATEWAYS + 1;
      Host host = network.host(name(Role.GATEWAY, number));
      addresses.add(new InetSocketAddress(host.address(), port.applyAsInt(number)));
    }
    return addresses;
  }

  Network network() {
    return network;
  }

  List<Server> all() {
    return List.copyOf(servers.values());
  }

  List<Server> of(Role role) {
    return servers.values().stream().filter(server -> server.role() == role).toList();
  }

  /** Starts all of them and returns when they can serve. */
  void start() {
    servers.values().forEach(Server::start);
    Await.until(
        "every server is ready",
        READY,
        () -> {
          if (!servers.values().stream().allMatch(Server::isAlive)) {
            throw new ChaosFailure("a server ended:" + tailsOf(server -> !server.isAlive()));
          }
          return servers.values().stream().allMatch(Server::isReady);
        },
        () -> tailsOf(server -> !server.isReady()));
  }

  private String tailsOf(Predicate<Server> which) {
    StringBuilder text = new StringBuilder();
    for (Server server : servers.values()) {
      if (which.test(server)) {
        text.append("\n--- ").append(server.name()).append('\n').append(server.logTail());
      }
    }
    return text.toString();
  }

  /** Makes a volume of three copies. */
  void createVolume(String name, int mebibytes) {
    Await.until(
        "the volume " + name + " is made",
        READY,
        () ->
            ask("volume", "create", name, "--size", mebibytes + "MiB") != null
                || ask("volume", "show", "--brief", name) != null);
  }

  /** Whether every chunk of the volume has all its replicas in sync; false when nobody answers. */
  boolean isInSync(String volume) {
    return RunningCluster.isInSync(ask("volume", "show", "--brief", volume));
  }

  /** How the servers of a role stand, for people. */
  String describe(Role role, List<String> volumes) {
    StringBuilder text = new StringBuilder();
    for (Server server : of(role)) {
      text.append(server.name()).append(server.isReady() ? " is ready; " : " is not ready; ");
    }
    if (role == Role.STORAGE) {
      volumes.forEach(volume -> text.append(ask("volume", "show", "--brief", volume)).append("; "));
    }
    return text + tailsOf(server -> server.role() == role && !server.isReady());
  }

  /** An operator's verb; null when it failed. */
  JsonNode ask(String... verb) {
    List<String> line = new ArrayList<>(List.of(verb));
    line.addAll(List.of("-o", "json", "--timeout", "5", "--metadata", metadataAddresses()));
    return Program.ask(line.toArray(String[]::new));
  }

  @Override
  public void close() {
    for (Server server : servers.values()) {
      if (server.isAlive()) {
        server.kill();
      }
    }
    try {
      Trees.delete(memory);
    } catch (IOException e) {
      throw new ChaosFailure(memory + " cannot be removed", e);
    }
  }
}
