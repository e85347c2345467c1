package io.cairn.metadata.server;

import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ClusterCondition;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has the leader put on record what of the cluster has changed, by a command like everybody else's,
 * on a thread of its own. What could not be told is told at the next turn.
 */
final class ConditionReporter implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ConditionReporter.class);
  private static final long PERIOD_MILLIS = 2_000;

  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("condition-reporter").daemon().factory());
  private final MetadataClient client;
  private final Supplier<List<ClusterCondition>> changed;

  private ConditionReporter(MetadataClient client, Supplier<List<ClusterCondition>> changed) {
    this.client = client;
    this.changed = changed;
  }

  /**
   * Begins.
   *
   * @param client stays the caller's, and open for as long as this is.
   * @param changed what is not as it is on record; empty on a server that does not lead.
   */
  static ConditionReporter start(MetadataClient client, Supplier<List<ClusterCondition>> changed) {
    ConditionReporter reporter = new ConditionReporter(client, changed);
    reporter.thread.scheduleWithFixedDelay(
        reporter::report, PERIOD_MILLIS, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
    return reporter;
  }

  /** One command at a time: the next turn is after its end. */
  private void report() {
    try {
      List<ClusterCondition> news = changed.get();
      if (news.isEmpty()) {
        return;
      }
      Reply reply = client.submit(new Command.ReportConditions(news)).toCompletableFuture().join();
      if (reply instanceof Reply.Refused refused) {
        LOG.warn("what happened to the cluster was not recorded: {}", refused.message());
      }
    } catch (RuntimeException e) {
      // No leader any more, or the server stops: whoever leads next tells of it.
      LOG.debug("what happened to the cluster was not recorded", e);
    }
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
