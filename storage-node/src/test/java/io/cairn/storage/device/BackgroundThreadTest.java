package io.cairn.storage.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class BackgroundThreadTest {
  /** Field 19 of proc(5); the name before it may hold spaces, but ends with the last bracket. */
  private static int nice() throws Exception {
    String stat = Files.readString(Path.of("/proc/thread-self/stat"));
    return Integer.parseInt(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[16]);
  }

  @Test
  void aLoweredThreadGivesWayAndItsCreatorDoesNot() throws Exception {
    int before = nice();
    CompletableFuture<Integer> lowered = new CompletableFuture<>();
    Thread.ofPlatform()
        .start(
            () -> {
              try {
                BackgroundThread.lowerThisOne();
                lowered.complete(nice());
              } catch (Throwable e) {
                lowered.completeExceptionally(e);
              }
            })
        .join();
    assertEquals(Math.min(19, before + 10), lowered.get());
    assertEquals(before, nice());
  }
}
