package io.cairn.client.dev;

import io.cairn.client.cli.Role;
import io.cairn.metadata.options.OptionException;
import io.cairn.metadata.options.OptionValues;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A dev cluster whose members live in this process. */
final class EmbeddedCluster implements DevCluster {
  private static final Logger LOG = LoggerFactory.getLogger(EmbeddedCluster.class);

  private record Running(DevLayout.Member member, Role.Server server) {}

  /** The last one started is the first to stop. */
  private final Deque<Running> running = new ArrayDeque<>();

  private EmbeddedCluster() {}

  /**
   * Starts all members, with options from their files and, over these, from the environment, as if
   * each were a process of its own.
   *
   * @throws IOException with the member's name; nothing is left running then, and where an option
   *     is wrong nothing was started.
   */
  static EmbeddedCluster start(DevLayout layout, Map<String, String> environment)
      throws IOException {
    layout.writeSettings();
    Map<DevLayout.Member, OptionValues> options = new LinkedHashMap<>();
    for (DevLayout.Member member : layout.members()) {
      try {
        options.put(member, options(layout, member, environment));
      } catch (OptionException e) {
        throw cannotStart(member, e);
      }
    }
    EmbeddedCluster cluster = new EmbeddedCluster();
    for (Map.Entry<DevLayout.Member, OptionValues> one : options.entrySet()) {
      DevLayout.Member member = one.getKey();
      try {
        cluster.running.push(new Running(member, member.role().start(one.getValue())));
      } catch (IOException | RuntimeException e) {
        cluster.close();
        if (e instanceof IOException || e instanceof OptionException) {
          throw cannotStart(member, e);
        }
        throw e;
      }
    }
    return cluster;
  }

  private static OptionValues options(
      DevLayout layout, DevLayout.Member member, Map<String, String> environment) {
    Map<String, String> variables = new LinkedHashMap<>(environment);
    if (member.role() == Role.METADATA) {
      // None of one process outlives the others: they need not look after each other.
      variables.putIfAbsent("CAIRN_METADATA_ELECTION_TIMEOUT", "5s");
    }
    return member.role().options().read(layout.configFile(member), variables, Map.of());
  }

  private static IOException cannotStart(DevLayout.Member member, Exception cause) {
    return new IOException(member.name() + " cannot start: " + cause.getMessage(), cause);
  }

  @Override
  public String failure() {
    for (Running one : running) {
      String failure = one.server().failure();
      if (failure != null) {
        return one.member().name() + ": " + failure;
      }
    }
    return null;
  }

  @Override
  public void close() {
    while (!running.isEmpty()) {
      Running one = running.pop();
      try {
        one.server().close();
      } catch (Exception e) {
        LOG.error("{} did not stop cleanly", one.member().name(), e);
      }
    }
  }
}
