package io.cairn.client.dev;

import io.cairn.client.cli.CommandFailure;
import io.cairn.client.cli.StopSignal;
import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.options.Sizes;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Waits until the cluster serves its volumes, which are made when they are missing: until the
 * metadata has a leader and knows all nodes as up, and a client can read each export.
 */
final class DevReadiness {
  private static final Logger LOG = LoggerFactory.getLogger(DevReadiness.class);
  private static final long PAUSE_MILLIS = 100;
  private static final long CALL_MILLIS = 15_000;
  private static final int PROBE_MILLIS = 5_000;

  /**
   * Recovery of full journals takes a while; what does not move for longer than this never will.
   */
  private static final long PROGRESS_NANOS = TimeUnit.SECONDS.toNanos(120);

  private final DevLayout layout;
  private final DevCluster cluster;
  private final MetadataClient client;
  private final StopSignal signal;
  private long progressNanos = System.nanoTime();
  private String waitingFor;

  DevReadiness(DevLayout layout, DevCluster cluster, MetadataClient client, StopSignal signal) {
    this.layout = layout;
    this.cluster = cluster;
    this.client = client;
    this.signal = signal;
  }

  /**
   * Returns once all volumes serve, or the signal came.
   *
   * @param notes hears what the user should know beside.
   * @throws CommandFailure when it will not happen.
   */
  void await(List<DevVolume> volumes, Consumer<String> notes) throws InterruptedException {
    while (!signal.isSet() && !nodesAreUp()) {
      pause();
    }
    for (DevVolume volume : volumes) {
      while (!signal.isSet() && !exists(volume, notes)) {
        pause();
      }
    }
    for (DevVolume volume : volumes) {
      while (!signal.isSet() && !serves(volume)) {
        pause();
      }
    }
  }

  private void waitFor(String reason) {
    if (!reason.equals(waitingFor)) {
      LOG.info("not ready: {}", reason);
      progressNanos = System.nanoTime();
    }
    waitingFor = reason;
  }

  private void pause() throws InterruptedException {
    String failure = cluster.failure();
    if (failure != null) {
      throw new CommandFailure(failure);
    }
    if (System.nanoTime() - progressNanos > PROGRESS_NANOS) {
      throw new CommandFailure(
          "the cluster does not become ready, for "
              + TimeUnit.NANOSECONDS.toSeconds(PROGRESS_NANOS)
              + " s: "
              + waitingFor
              + "; the logs are in "
              + layout.runDirectory());
    }
    signal.await(PAUSE_MILLIS);
  }

  private boolean nodesAreUp() throws InterruptedException {
    if (!(query(new Query.GetCluster()) instanceof Reply.Cluster known) || known.clusterId() == 0) {
      waitFor("the metadata servers have no leader");
      return false;
    }
    long up = known.nodes().stream().filter(Reply.NodeStatus::up).count();
    waitFor(up + " of " + layout.nodeCount() + " storage nodes are up");
    return up >= layout.nodeCount();
  }

  private boolean exists(DevVolume volume, Consumer<String> notes) throws InterruptedException {
    Reply found = query(new Query.GetVolume(volume.name()));
    if (found instanceof Reply.Volume there) {
      long sizeBytes = there.volume().sizeBytes();
      if (sizeBytes < volume.sizeBytes()) {
        notes.accept(
            "volume "
                + volume.name()
                + " is there with "
                + Sizes.format(sizeBytes)
                + ", not "
                + Sizes.format(volume.sizeBytes())
                + "; 'cairn volume resize' grows it");
      }
      return true;
    }
    waitFor("volume " + volume.name() + " is not made");
    if (!(found instanceof Reply.Refused)) {
      return false;
    }
    int replicas = Math.min(3, layout.nodeCount());
    Reply made =
        submit(
            new Command.CreateVolume(
                volume.name(), volume.sizeBytes(), 0, replicas, 0, Durability.FLUSH));
    if (made instanceof Reply.Refused refused && refused.code() != Reply.ErrorCode.EXISTS) {
      throw new CommandFailure("volume " + volume.name() + ": " + refused.message());
    }
    return made != null;
  }

  private boolean serves(DevVolume volume) {
    String refusal = ExportProbe.refusal(layout.nbd(), volume.name(), PROBE_MILLIS);
    if (refusal != null) {
      waitFor(refusal);
    }
    return refusal == null;
  }

  private Reply query(Query query) throws InterruptedException {
    return answer(client.query(query));
  }

  private Reply submit(Command command) throws InterruptedException {
    return answer(client.submit(command));
  }

  /** The answer, or null when there was none: the next turn asks again. */
  private static Reply answer(java.util.concurrent.CompletionStage<Reply> stage)
      throws InterruptedException {
    try {
      return stage.toCompletableFuture().get(CALL_MILLIS, TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      return null;
    }
  }
}
