package io.cairn.metadata.release;

import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.command.Query;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the leader every ten seconds which release this server is of and where its pages are, on a
 * thread of its own. The leader keeps it in memory: a new one has heard everybody after that time.
 * A leader of a release that does not know the question refuses it, and nothing follows from that.
 */
public final class Announcer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Announcer.class);

  /** Between two announcements. */
  public static final long PERIOD_MILLIS = 10_000;

  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("release-announcer").daemon().factory());
  private final MetadataClient client;
  private final Query.Announce announcement;

  private Announcer(MetadataClient client, Query.Announce announcement) {
    this.client = client;
    this.announcement = announcement;
  }

  /**
   * Begins at once.
   *
   * @param client stays the caller's, and open for as long as this is.
   * @param role such as "storage".
   * @param name by which the cluster knows the server in that role.
   * @param httpAddress where operators reach its pages, HOST:PORT.
   */
  public static Announcer start(
      MetadataClient client, String role, String name, String httpAddress) {
    Announcer announcer =
        new Announcer(
            client, new Query.Announce(role, name, Release.name(), Release.level(), httpAddress));
    announcer.thread.scheduleWithFixedDelay(
        announcer::announce, 0, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
    return announcer;
  }

  private void announce() {
    try {
      client
          .query(announcement)
          .whenComplete(
              (reply, problem) -> {
                if (problem != null) {
                  LOG.debug("the release was not heard", problem);
                }
              });
    } catch (RuntimeException e) {
      // A client that is being closed: the next turn, if there is one, tries again.
      LOG.debug("the release was not told", e);
    }
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
