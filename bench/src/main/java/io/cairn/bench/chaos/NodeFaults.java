package io.cairn.bench.chaos;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Storage nodes that die, stand still and come back. */
final class NodeFaults {
  private static final int MEBIBYTE = 1 << 20;
  private static final int BLOCK_BYTES = 4096;
  private static final String COPIED = "cairn_storage_catchup_copied_blocks_total";

  /** Writes that may be behind when a node is lost, beside those in the regions under load. */
  private static final int SLACK_BLOCKS = 64 * MEBIBYTE / BLOCK_BYTES;

  private NodeFaults() {}

  static void kill(Stage stage) {
    try (NbdClient holder = stage.hold(Stage.FIO_VOLUME)) {
      fill(stage, holder);
      killInTurn(stage);
    }
  }

  private static void killInTurn(Stage stage) {
    try (RecordedLoad load = stage.load();
        Fio fio = stage.fio(fioTime(stage, 2))) {
      for (String name : List.of("storage-1", "storage-2")) {
        Member node = stage.cluster().member(name);
        load.forgetStall();
        node.kill();
        load.awaitProgress(100, Stage.LIMIT);
        stage.cluster().awaitDegraded(Stage.LOAD_VOLUME, Stage.LIMIT);
        Await.pass(stage.scale().outage());
        long begin = System.nanoTime();
        node.restart();
        stage.cluster().awaitInSync(Stage.LOAD_VOLUME, Stage.LIMIT);
        stage.cluster().awaitInSync(Stage.FIO_VOLUME, Stage.LIMIT);
        stage.say("%s: in sync %.1f s after its start", name, (System.nanoTime() - begin) / 1e9);
        checkCopied(stage, node);
        load.checkNoFailure();
        stage.checkStall("SIGKILL of " + name + " and its return", load.stallSeconds());
      }
      finish(stage, load, fio, "SIGKILL of two nodes in turn");
    }
  }

  static void pause(Stage stage) {
    Member node = stage.cluster().member("storage-3");
    try (NbdClient holder = stage.hold(Stage.FIO_VOLUME);
        RecordedLoad load = stage.load();
        Fio fio = stage.fio(fioTime(stage, 1))) {
      node.pause();
      try {
        Await.pass(stage.scale().outage());
        load.checkNoFailure();
      } finally {
        node.resume();
      }
      load.awaitProgress(100, Stage.LIMIT);
      holder.checkAlive();
      stage.cluster().awaitInSync(Stage.LOAD_VOLUME, Stage.LIMIT);
      stage.cluster().awaitInSync(Stage.FIO_VOLUME, Stage.LIMIT);
      stage.checkStall(
          "SIGSTOP of storage-3 for " + stage.scale().outage().toSeconds() + " s",
          load.stallSeconds());
      finish(stage, load, fio, "SIGSTOP");
    }
  }

  static void twoDown(Stage stage) {
    RunningCluster cluster = stage.cluster();
    Member first = cluster.member("storage-1");
    Member second = cluster.member("storage-2");
    try (RecordedLoad load = stage.load()) {
      first.kill();
      cluster.awaitDegraded(Stage.LOAD_VOLUME, Stage.LIMIT);
      second.kill();
      // The load's requests in flight are writes that wait, sooner or later all of them.
      long acknowledged = awaitStandstill(load);
      Await.pass(stage.scale().outage());
      load.checkNoFailure();
      if (load.acknowledgedWrites() != acknowledged) {
        throw new ChaosFailure("writes were acknowledged with one replica of three");
      }
      readOfOneReplica(stage);
      stage.say(
          "%d s with one node of three: no write acknowledged, none refused",
          stage.scale().outage().toSeconds());
      first.restart();
      stage.say(
          "writes went on %.1f s after a second node was ready",
          load.awaitProgress(200, Stage.LIMIT));
      second.restart();
      stage.awaitWhole();
      stage.say("%s", load.finish());
    }
  }

  /** Returns the acknowledged writes once they stay the same. */
  private static long awaitStandstill(RecordedLoad load) {
    long[] last = {-1, System.nanoTime()};
    Await.until(
        "writes wait",
        Stage.LIMIT,
        () -> {
          load.checkNoFailure();
          long now = load.acknowledgedWrites();
          if (now != last[0]) {
            last[0] = now;
            last[1] = System.nanoTime();
          }
          return System.nanoTime() - last[1] > 3_000_000_000L;
        });
    return last[0];
  }

  /** Reads go on with one replica left: of what nobody writes just now. */
  private static void readOfOneReplica(Stage stage) {
    long begin = System.nanoTime();
    try (NbdClient client = NbdClient.connect(stage.cluster().nbdPort(), Stage.LOAD_VOLUME)) {
      client.read(0, BLOCK_BYTES).get(Stage.LIMIT.toSeconds(), TimeUnit.SECONDS);
      stage.say("a read from the last node took %.2f s", (System.nanoTime() - begin) / 1e9);
    } catch (IOException | ExecutionException | TimeoutException e) {
      throw new ChaosFailure("a read with one node of three failed", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ChaosFailure("interrupted", e);
    }
  }

  private static void finish(Stage stage, RecordedLoad load, Fio fio, String during) {
    Fio.Outcome outcome = fio.await(fioTime(stage, 2));
    stage.say("%s", outcome);
    stage.checkStall("fio, " + during, outcome.worstSeconds());
    stage.say("%s", load.finish());
  }

  /** As long as the faults are expected to take; the last part of them may be without fio. */
  private static Duration fioTime(Stage stage, int outages) {
    return stage.scale().outage().plusSeconds(8).multipliedBy(outages);
  }

  /** What the node copied cannot be more than what was written while it was away. */
  private static void checkCopied(Stage stage, Member node) {
    double copied = node.metrics().sum(COPIED);
    double mebibytes = copied * BLOCK_BYTES / MEBIBYTE;
    stage.say(
        "%s copied %.0f blocks (%.1f MiB) of %d MiB that it holds",
        node.name(), copied, mebibytes, stage.scale().filledMebibytes());
    int underLoad = 8192 + stage.scale().fioMebibytes() * MEBIBYTE / BLOCK_BYTES;
    if (copied > underLoad + SLACK_BLOCKS) {
      throw new ChaosFailure(
          node.name() + " copied " + copied + " blocks, but at most " + underLoad + " changed");
    }
    if (copied == 0) {
      throw new ChaosFailure(node.name() + " copied nothing, though it missed writes");
    }
  }

  /** Data on fio's volume that does not change: who copies everything is found out. */
  private static void fill(Stage stage, NbdClient client) {
    byte[] mebibyte = new byte[MEBIBYTE];
    try {
      List<CompletableFuture<byte[]>> writes = new ArrayList<>();
      Random random = new Random(1);
      for (int i = 0; i < stage.scale().filledMebibytes(); i++) {
        random.nextBytes(mebibyte);
        writes.add(client.write((long) i * MEBIBYTE, mebibyte.clone(), false));
        if (writes.size() == 8) {
          writes.removeFirst().get(Stage.LIMIT.toSeconds(), TimeUnit.SECONDS);
        }
      }
      for (CompletableFuture<byte[]> write : writes) {
        write.get(Stage.LIMIT.toSeconds(), TimeUnit.SECONDS);
      }
      client.flush().get(Stage.LIMIT.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new ChaosFailure("the volume " + Stage.FIO_VOLUME + " cannot be filled", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ChaosFailure("interrupted", e);
    }
  }
}
