package io.cairn.bench.chaos;

import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.ratis.RatisMetadataClient;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Clients that come while a volume that nobody had attached is being mended: how long it takes from
 * the attempt to connect until a first block was read, through the gateway that mends and through
 * another one, beside the same where there is nothing to mend.
 */
final class MaintenanceFaults {
  private static final int BLOCK_BYTES = 4096;
  private static final int PIECE_BYTES = 1 << 20;

  /** More than the volume has. */
  private static final int CHUNKS_MAX = 256;

  private final Stage stage;
  private final MetadataClient client;
  private final List<Double> idle = new ArrayList<>();
  private final List<Double> sameGateway = new ArrayList<>();
  private final List<Double> otherGateway = new ArrayList<>();

  private MaintenanceFaults(Stage stage, MetadataClient client) {
    this.stage = stage;
    this.client = client;
  }

  static void givesWay(Stage stage) {
    try (MetadataClient client =
            RatisMetadataClient.connect(
                new SecureRandom().nextLong(),
                Arrays.asList(stage.cluster().metadataAddresses().split(",")),
                Stage.LIMIT);
        Tool.Running second = SecondGateway.start(stage.cluster(), stage.directory(), false)) {
      Await.until(
          "the second gateway is ready",
          Stage.LIMIT,
          () -> HttpProbe.status(stage.cluster().secondHttpPort(), "/readyz") == 200,
          second::outputSoFar);
      new MaintenanceFaults(stage, client).play();
    } catch (IOException e) {
      throw new ChaosFailure("a second gateway cannot be started", e);
    }
  }

  private void play() {
    fill();
    for (int round = 0; round < stage.scale().rounds(); round++) {
      for (int port : ports()) {
        awaitUnattached();
        idle.add(attach(port));
        awaitUnattached();
        mendAndAttach(port);
      }
    }
    stage.say("attached, nothing to mend: first block read after %s", figures(idle));
    stage.say("attached through the gateway that mends: after %s", figures(sameGateway));
    stage.say("attached through the other gateway: after %s", figures(otherGateway));
  }

  /** The short form has one round, in which only another gateway is tried. */
  private int[] ports() {
    if (stage.scale().rounds() == 1) {
      return new int[] {stage.cluster().secondNbdPort()};
    }
    return new int[] {stage.cluster().nbdPort(), stage.cluster().secondNbdPort()};
  }

  private void fill() {
    try (NbdClient writer = stage.hold(Stage.FIO_VOLUME)) {
      byte[] piece = new byte[PIECE_BYTES];
      Arrays.fill(piece, (byte) 7);
      long bytes = (long) stage.scale().filledMebibytes() << 20;
      for (long at = 0; at < bytes; at += PIECE_BYTES) {
        await(writer.write(at, piece, false));
      }
      await(writer.flush());
    }
  }

  /** One replica less, and then as many as before: the third one is copied as a whole. */
  private void mendAndAttach(int port) {
    setReplicas(2);
    Await.until("one replica is given up", Stage.LIMIT, () -> hasReplicas(2));
    awaitUnattached();
    setReplicas(3);
    Await.until("a gateway mends the volume", Stage.LIMIT, this::isBeingMended);
    VolumeRecord.Owner mending = owner();
    boolean same =
        mending != null
            && mending.gateway().equals("gateway-1") == (port == stage.cluster().nbdPort());
    (same ? sameGateway : otherGateway).add(attach(port));
  }

  /** Seconds until a block was read. */
  private double attach(int port) {
    long begin = System.nanoTime();
    try (NbdClient reader = NbdClient.connect(port, Stage.FIO_VOLUME)) {
      await(reader.read(0, BLOCK_BYTES));
      double seconds = (System.nanoTime() - begin) / 1e9;
      Await.until("all is in sync", Stage.LIMIT, () -> isWhole() && hasReplicas(3));
      return seconds;
    } catch (IOException e) {
      throw new ChaosFailure("the volume cannot be opened while it is mended", e);
    }
  }

  /** Whether a gateway brings replicas up that it had placed. */
  private boolean isBeingMended() {
    VolumeRecord.Owner owner = owner();
    return owner != null && owner.maintenance() && health().syncing() > 0;
  }

  private void setReplicas(int replicas) {
    Reply reply =
        client
            .submit(new Command.SetVolume(Stage.FIO_VOLUME, replicas, 2))
            .toCompletableFuture()
            .join();
    if (reply instanceof Reply.Refused refused) {
      throw new ChaosFailure(refused.message());
    }
  }

  private Reply.Volume volume() {
    return (Reply.Volume)
        client.query(new Query.GetVolume(Stage.FIO_VOLUME)).toCompletableFuture().join();
  }

  private VolumeRecord.Owner owner() {
    return volume().volume().owner();
  }

  /** Whether each chunk has so many. */
  private boolean hasReplicas(int replicas) {
    Query.GetChunks query = new Query.GetChunks(volume().volume().volumeId(), 0, 0, CHUNKS_MAX);
    Reply.Chunks chunks = (Reply.Chunks) client.query(query).toCompletableFuture().join();
    return chunks.chunks().stream().allMatch(chunk -> chunk.replicas().size() == replicas);
  }

  private Reply.VolumeHealth health() {
    return volume().health();
  }

  private boolean isWhole() {
    return health().inSync() == health().chunks();
  }

  private void awaitUnattached() {
    Await.until("nobody has the volume", Stage.LIMIT, () -> owner() == null);
  }

  private static void await(java.util.concurrent.CompletableFuture<byte[]> request) {
    try {
      request.get(Stage.LIMIT.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new ChaosFailure("a request failed: " + e, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ChaosFailure("interrupted", e);
    }
  }

  private static String figures(List<Double> seconds) {
    if (seconds.isEmpty()) {
      return "(not seen)";
    }
    List<Double> sorted = seconds.stream().sorted().toList();
    return String.format(
        Locale.ROOT,
        "%.0f ms (median of %d; %.0f to %.0f ms)",
        1e3 * sorted.get(sorted.size() / 2),
        sorted.size(),
        1e3 * sorted.getFirst(),
        1e3 * sorted.getLast());
  }
}
