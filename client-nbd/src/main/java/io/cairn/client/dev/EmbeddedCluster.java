package io.cairn.client.dev;

import io.cairn.client.cli.Role;
import io.cairn.metadata.options.OptionException;
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
   * Starts all members.
   *
   * @throws IOException with the member's name; nothing is left running then.
   */
  static EmbeddedCluster start(DevLayout layout) throws IOException {
    EmbeddedCluster cluster = new EmbeddedCluster();
    for (DevLayout.Member member : layout.members()) {
      try {
        Role.Server server =
            member.role().start(member.role().options().read(null, Map.of(), settings(member)));
        cluster.running.push(new Running(member, server));
      } catch (IOException | RuntimeException e) {
        cluster.close();
        if (e instanceof IOException || e instanceof OptionException) {
          throw new IOException(member.name() + " cannot start: " + e.getMessage(), e);
        }
        throw e;
      }
    }
    return cluster;
  }

  /** No metadata server of one process outlives the others: they need not look after each other. */
  private static Map<String, String> settings(DevLayout.Member member) {
    Map<String, String> settings = new LinkedHashMap<>(member.settings());
    if (member.role() == Role.METADATA) {
      settings.put("election.timeout", "5s");
    }
    return settings;
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
