package io.cairn.metadata.ratis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.model.Durability;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Files of one server rot, or are gone: it is found when the server starts, the others serve
 * meanwhile, and it ends with the same state as they.
 */
@Timeout(120)
class RottenFilesTest extends GroupOfThree {
  private int victim;

  /** Enough for two snapshots; a start that finds a database puts its log into tables. */
  private void fillAndStop() throws Exception {
    for (int i = 0; i < 75; i++) {
      create("v" + i);
    }
    victim = (leader() + 1) % 3;
    awaitSame();
    stopMember(victim);
    startMember(victim);
    awaitSame();
    stopMember(victim);
  }

  private Path home(int member) {
    return directory.resolve("m" + member);
  }

  private List<Path> files(String pattern) throws IOException {
    try (Stream<Path> all = Files.walk(home(victim))) {
      List<Path> found =
          all.filter(f -> home(victim).relativize(f).toString().matches(pattern)).toList();
      assertFalse(found.isEmpty(), pattern);
      return found;
    }
  }

  /** Flips a bit of each file. */
  private void rot(String pattern, double where) throws IOException {
    for (Path file : files(pattern)) {
      byte[] bytes = Files.readAllBytes(file);
      bytes[(int) (where * bytes.length)] ^= 0x10;
      Files.write(file, bytes);
    }
  }

  private void remove(Path directory) throws IOException {
    try (Stream<Path> all = Files.walk(directory)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  /** Starts the damaged server, which must end with what the others have. */
  private void mends() throws Exception {
    create("while-it-is-away");
    startMember(victim);
    create("after-it-is-back");
    awaitSame();
    for (int i = 0; i < 3; i++) {
      stopMember(i);
    }
    Map<String, String> its = state(victim);
    assertTrue(its.size() > 75, its.toString());
    assertEquals(state((victim + 1) % 3), its);
    assertEquals(state((victim + 2) % 3), its);
  }

  private Map<String, String> state(int member) throws IOException {
    Map<String, String> state = new TreeMap<>();
    try (RocksKeyValues keys = RocksKeyValues.open(home(member).resolve("state"))) {
      keys.scan("", "~", (key, value) -> state.put(key, new String(value)) == null);
    }
    return state;
  }

  private void mendsFromItsOwn(String pattern, double where) throws Exception {
    fillAndStop();
    rot(pattern, where);
    mends();
    assertEquals(List.of(), lost);
    assertEquals(1, damages.size(), damages.toString());
  }

  @Test
  void tablesOfTheState() throws Exception {
    mendsFromItsOwn("state/.*\\.sst", 0.3);
  }

  @Test
  void manifestOfTheState() throws Exception {
    mendsFromItsOwn("state/MANIFEST.*", 0.5);
  }

  @Test
  void snapshotsAreWrittenAnew() throws Exception {
    mendsFromItsOwn("raft/.*/snapshot\\.\\d+_\\d+", 0.7);
  }

  @Test
  void entriesOfTheLog() throws Exception {
    fillAndStop();
    rotEntries();
    mends();
    assertEquals(1, lost.size(), lost.toString());
  }

  /** It asks the leader for help, whichever of the others that is. */
  @Test
  void entriesOfTheLogWhenTheLastOfTheOthersLeads() throws Exception {
    create("first");
    while (leader() == 0) {
      stopMember(0);
      create("without-the-first");
      startMember(0);
      awaitSame();
    }
    fillAndStop();
    assertTrue(leader() == Math.max((victim + 1) % 3, (victim + 2) % 3));
    rotEntries();
    mends();
    assertEquals(1, lost.size(), lost.toString());
  }

  private void rotEntries() throws IOException {
    // The file is longer than what is in it.
    for (Path file : files("raft/.*/log_.*")) {
      byte[] bytes = Files.readAllBytes(file);
      bytes[200] ^= 0x10;
      Files.write(file, bytes);
    }
  }

  @Test
  void endOfTheLog() throws Exception {
    fillAndStop();
    // As if the last entries had never been written, or were overwritten by zeroes.
    for (Path file : files("raft/.*/log_.*")) {
      byte[] bytes = Files.readAllBytes(file);
      Arrays.fill(bytes, 2000, bytes.length, (byte) 0);
      Files.write(file, bytes);
    }
    mends();
    assertEquals(1, lost.size(), lost.toString());
  }

  @Test
  void termAndVote() throws Exception {
    fillAndStop();
    for (Path file : files("raft/.*/raft-meta")) {
      Files.writeString(file, "term=1votedFor=n");
    }
    mends();
    assertEquals(1, lost.size(), lost.toString());
  }

  @Test
  void stateAndSnapshots() throws Exception {
    fillAndStop();
    rot("state/MANIFEST.*", 0.5);
    rot("raft/.*/snapshot\\.\\d+_\\d+", 0.5);
    mends();
    assertTrue(lost.size() + damages.size() >= 2, lost + " " + damages);
  }

  /** With the vote of who forgot, a server that lacks what was acknowledged would lead. */
  @Test
  void whoLostItsLogDoesNotVoteForWhoLacksAnEntry() throws Exception {
    create("a");
    int leader = leader();
    int lagging = (leader + 1) % 3;
    victim = (leader + 2) % 3;
    stopMember(lagging);
    create("acknowledged");
    stopMember(leader);
    stopMember(victim);
    remove(home(victim));
    startMember(lagging);
    CompletableFuture<Void> rejoined = new CompletableFuture<>();
    // Not on the common pool, by which Ratis answers.
    Thread.ofPlatform()
        .start(
            () -> {
              try {
                startMember(victim);
                rejoined.complete(null);
              } catch (IOException e) {
                rejoined.completeExceptionally(e);
              }
            });
    CompletableFuture<?> command =
        client
            .submit(new Command.CreateVolume("b", GIB, 0, 0, 0, Durability.FLUSH))
            .toCompletableFuture();
    assertThrows(TimeoutException.class, () -> command.get(8, TimeUnit.SECONDS));
    assertFalse(rejoined.isDone());
    assertFalse(waits.isEmpty());
    startMember(leader);
    rejoined.get(60, TimeUnit.SECONDS);
    command.get(60, TimeUnit.SECONDS);
    assertEquals(
        List.of("a", "acknowledged", "b"),
        volumes().stream().map(volume -> volume.volume().name()).sorted().toList());
  }
}
