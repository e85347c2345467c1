package io.cairn.bench.chaos.nemesis;

import io.cairn.bench.chaos.ChaosFailure;
import io.cairn.bench.chaos.Tool;
import java.io.File;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The hosts of a run. With namespaces each has a network of its own behind one bridge, and this
 * program is on the bridge too; they end with this program, as it runs in namespaces itself ({@link
 * Namespaces}). Without, all of them are this machine, and nothing can be cut.
 */
final class Network implements AutoCloseable {
  private static final Tool IP = new Tool("ip", "iproute2");
  private static final Tool IPTABLES = new Tool("iptables", "iptables");
  private static final Tool NSENTER = new Tool("nsenter", "util-linux");
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final String SUBNET = "10.77.0.";
  private static final String BRIDGE = "cairn0";

  private final boolean namespaces;
  private final Map<String, Host> hosts = new LinkedHashMap<>();
  private final List<Process> holders = new ArrayList<>();

  private Network(boolean namespaces) {
    this.namespaces = namespaces;
  }

  /** Hosts with networks of their own: only within {@link Namespaces}. */
  static Network ofNamespaces() {
    Network network = new Network(true);
    ip("link", "set", "lo", "up");
    ip("link", "add", BRIDGE, "type", "bridge");
    ip("addr", "add", SUBNET + "1/24", "dev", BRIDGE);
    ip("link", "set", BRIDGE, "up");
    return network;
  }

  /** This machine for all of them. */
  static Network ofThisMachine() {
    return new Network(false);
  }

  /** Whether hosts can be cut off from each other. */
  boolean canCut() {
    return namespaces;
  }

  /** One host more. */
  Host add(String name) {
    Host host = namespaces ? connected(name) : new Host(name, "127.0.0.1", List.of());
    hosts.put(name, host);
    return host;
  }

  /** A host by its name. */
  Host host(String name) {
    return hosts.get(name);
  }

  private Host connected(String name) {
    String address = SUBNET + (10 + hosts.size());
    Process holder = holdNamespace();
    holders.add(holder);
    String pid = Long.toString(holder.pid());
    String port = port(name);
    ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", pid);
    ip("link", "set", port, "master", BRIDGE);
    ip("link", "set", port, "up");
    List<String> prefix = List.of(NSENTER.path().toString(), "--target", pid, "--net");
    Host host = new Host(name, address, prefix);
    on(host, IP.path().toString(), "link", "set", "lo", "up");
    on(host, IP.path().toString(), "addr", "add", address + "/24", "dev", "eth0");
    on(host, IP.path().toString(), "link", "set", "eth0", "up");
    return host;
  }

  /** A process that does nothing in a network of its own, until this program closes its input. */
  private static Process holdNamespace() {
    Tool unshare = new Tool("unshare", "util-linux");
    try {
      Process holder =
          new ProcessBuilder(unshare.path().toString(), "--net", "sh", "-c", "echo; exec cat")
              .redirectError(new File("/dev/null"))
              .start();
      if (holder.getInputStream().read() < 0) {
        throw new ChaosFailure("a network namespace cannot be made");
      }
      return holder;
    } catch (IOException e) {
      throw new ChaosFailure("a network namespace cannot be made", e);
    }
  }

  /** The bridge's end of a host's cable; names of interfaces have at most 15 characters. */
  private static String port(String name) {
    String port = "p-" + name.replace("storage", "s").replace("metadata", "m");
    return port.length() <= 15 ? port : port.substring(0, 15);
  }

  /** Pulls a host's cable: whatever is sent to it or by it is lost, and nobody is told. */
  void cut(Host host) {
    ip("link", "set", port(host.name()), "nomaster");
  }

  /** Puts the cable back. */
  void join(Host host) {
    ip("link", "set", port(host.name()), "master", BRIDGE);
  }

  /** From now on what the one host sends to the other is lost; not the other way round. */
  void block(Host from, Host to) {
    filter("-A", from, to);
  }

  /** Lets it through again. */
  void unblock(Host from, Host to) {
    filter("-D", from, to);
  }

  /** From now on so many of a hundred packets that come to the host or leave it are lost. */
  void lose(Host host, int percent) {
    lose("-A", host, percent);
  }

  /** None is lost any more. */
  void loseNone(Host host, int percent) {
    lose("-D", host, percent);
  }

  private static void lose(String change, Host host, int percent) {
    String probability = String.format(Locale.ROOT, "%.2f", percent / 100.0);
    for (String chain : List.of("INPUT", "OUTPUT")) {
      iptables(
          host,
          change,
          chain,
          "--match",
          "statistic",
          "--mode",
          "random",
          "--probability",
          probability);
    }
  }

  private static void filter(String change, Host from, Host to) {
    iptables(to, change, "INPUT", "--source", from.address());
  }

  /** Packets that match are lost. */
  private static void iptables(Host host, String... rule) {
    List<String> command = new ArrayList<>(List.of(IPTABLES.path().toString(), "--wait"));
    command.addAll(List.of(rule));
    command.addAll(List.of("--jump", "DROP"));
    on(host, command.toArray(String[]::new));
  }

  private static void ip(String... arguments) {
    IP.run(LIMIT, arguments).ok();
  }

  private static void on(Host host, String... command) {
    List<String> line = new ArrayList<>(host.prefix().subList(1, host.prefix().size()));
    line.addAll(List.of(command));
    NSENTER.run(LIMIT, line.toArray(String[]::new)).ok();
  }

  @Override
  public void close() {
    for (Process holder : holders) {
      holder.destroyForcibly();
      holder.onExit().join();
    }
  }
}
