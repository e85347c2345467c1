package io.cairn.bench.chaos;

import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Owners that die, are replaced, or die with everybody else. */
final class GatewayFaults {
  private static final int BLOCK_BYTES = 4096;

  private GatewayFaults() {}

  static void kill(Stage stage) {
    Member gateway = stage.cluster().member("gateway-1");
    try (RecordedLoad load = stage.load()) {
      for (int round = 0; round < stage.scale().rounds(); round++) {
        load.mayBreak(true);
        gateway.kill();
        long begin = System.nanoTime();
        gateway.restart();
        load.awaitProgress(1000, Stage.LIMIT);
        stage.say(
            "gateway killed and started: the load went on after %.1f s",
            (System.nanoTime() - begin) / 1e9);
        load.mayBreak(false);
      }
      checkReconnects(load, stage.scale().rounds());
      stage.awaitWhole();
      stage.say("%s", load.finish());
    }
  }

  static void killEverything(Stage stage) {
    try (RecordedLoad load = stage.load()) {
      for (int round = 0; round < stage.scale().rounds(); round++) {
        load.mayBreak(true);
        stage.cluster().killEverything();
        stage.cluster().start();
        load.awaitProgress(1000, Stage.LIMIT);
        stage.say(
            "everything killed and started: ready after %.1f s", stage.cluster().readySeconds());
        load.mayBreak(false);
      }
      checkReconnects(load, stage.scale().rounds());
      stage.awaitWhole();
      stage.say("%s", load.finish());
    }
  }

  private static void checkReconnects(RecordedLoad load, int expected) {
    if (load.reconnects() < expected) {
      throw new ChaosFailure(
          "the load saw " + load.reconnects() + " of " + expected + " ends: it proved nothing");
    }
  }

  /**
   * The first gateway stands still with a client's requests before it; a second one takes the
   * volume and writes on. Then the first goes on: it must not answer with anything but a refusal.
   */
  static void takeover(Stage stage) {
    RunningCluster cluster = stage.cluster();
    Member first = cluster.member("gateway-1");
    try (RecordedLoad load = stage.load();
        Tool.Running second = secondGateway(stage);
        NbdClient stale = NbdClient.connect(cluster.nbdPort(), Stage.LOAD_VOLUME)) {
      Await.until(
          "the second gateway is ready",
          Stage.LIMIT,
          () -> HttpProbe.status(cluster.secondHttpPort(), "/readyz") == 200,
          second::outputSoFar);
      long before = cluster.volume(Stage.LOAD_VOLUME).path("generation").asLong();
      load.mayBreak(true);
      load.moveTo(cluster.secondNbdPort());
      CompletableFuture<byte[]> staleWrite;
      CompletableFuture<byte[]> staleRead;
      first.pause();
      try {
        staleWrite = stale.write(0, new byte[BLOCK_BYTES], true);
        staleRead = stale.read(0, BLOCK_BYTES);
        // Opening the volume there is what takes it over.
        try (NbdClient newer = openSoon(cluster.secondNbdPort())) {
          newer.write(0, filled(), true).get(Stage.LIMIT.toSeconds(), TimeUnit.SECONDS);
        }
      } finally {
        first.resume();
      }
      load.awaitProgress(500, Stage.LIMIT);
      mustFail("a write", staleWrite);
      mustFail("a read", staleRead);
      long after = cluster.volume(Stage.LOAD_VOLUME).path("generation").asLong();
      if (after <= before) {
        throw new ChaosFailure("the generation went from " + before + " to " + after);
      }
      try (NbdClient again = NbdClient.connect(cluster.nbdPort(), Stage.LOAD_VOLUME)) {
        throw new ChaosFailure("the fenced gateway serves the volume again at once: " + again);
      } catch (IOException expected) {
        stage.say("the fenced gateway answers: %s", expected.getMessage());
      }
      stage.say("generation %d taken over by %d", before, after);
      load.moveTo(cluster.nbdPort());
      second.handle().destroy();
      load.awaitProgress(200, Stage.LIMIT);
      load.mayBreak(false);
      checkReconnects(load, 2);
      stage.say("back at the first gateway: %s", load.finish());
    } catch (IOException | ExecutionException | TimeoutException e) {
      throw new ChaosFailure("the second gateway does not serve: " + e, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ChaosFailure("interrupted", e);
    }
  }

  private static NbdClient openSoon(int port) {
    NbdClient[] opened = new NbdClient[1];
    Await.until(
        "the second gateway serves the volume",
        Stage.LIMIT,
        () -> {
          try {
            opened[0] = NbdClient.connect(port, Stage.LOAD_VOLUME);
            return true;
          } catch (IOException e) {
            return false;
          }
        });
    return opened[0];
  }

  private static byte[] filled() {
    byte[] block = new byte[BLOCK_BYTES];
    java.util.Arrays.fill(block, (byte) 0x5A);
    return block;
  }

  private static void mustFail(String what, CompletableFuture<byte[]> answer)
      throws InterruptedException {
    try {
      answer.get(Stage.LIMIT.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException expected) {
      return;
    } catch (TimeoutException e) {
      throw new ChaosFailure(what + " at the fenced gateway hangs", e);
    }
    throw new ChaosFailure(what + " at the fenced gateway was answered as if it were the owner");
  }

  private static Tool.Running secondGateway(Stage stage) {
    try {
      return SecondGateway.start(stage.cluster(), stage.directory(), false);
    } catch (IOException e) {
      throw new ChaosFailure("a second gateway cannot be started", e);
    }
  }
}
