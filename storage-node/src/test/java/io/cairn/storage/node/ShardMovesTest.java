package io.cairn.storage.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Shards between cache devices, as directories: what is in them is any files. */
class ShardMovesTest {
  private static final int SHARDS = 4;
  private static final long READ_CACHE_BYTES = 4096;

  @TempDir Path temp;

  /** The process ends here. */
  private static final class Killed extends RuntimeException {
    private static final long serialVersionUID = 1;
  }

  private Path cache(int number) {
    return temp.resolve("cache-" + number);
  }

  private DeviceMap look(List<Path> cache, List<Path> leaving) throws IOException {
    DeviceMap map =
        DeviceMap.look(temp, cache, leaving, List.of(temp.resolve("capacity")), SHARDS, false);
    map.settle(1, Map::of);
    return map;
  }

  private static void run(DeviceMap map) throws IOException {
    new ShardMoves(map, null, READ_CACHE_BYTES, step -> {}).run();
  }

  /** Ends before the step with that number; false when there are not as many. */
  private static boolean runUntil(DeviceMap map, int step) throws IOException {
    int[] left = {step};
    try {
      new ShardMoves(
              map,
              null,
              READ_CACHE_BYTES,
              taken -> {
                if (left[0]-- == 0) {
                  throw new Killed();
                }
              })
          .run();
      return false;
    } catch (Killed e) {
      return true;
    }
  }

  @BeforeEach
  void nodeWithAllShardsOnOneDevice() throws IOException {
    for (Path directory : List.of(cache(0), cache(1), cache(2), temp.resolve("capacity"))) {
      Files.createDirectory(directory);
    }
    look(List.of(cache(0)), List.of());
    for (int i = 0; i < SHARDS; i++) {
      Path shard = cache(0).resolve("shard-" + i);
      Files.createDirectories(shard.resolve("journal"));
      Files.createDirectories(shard.resolve("catalogue/empty"));
      Files.writeString(shard.resolve("journal/segment-000"), "records of " + i);
      Files.writeString(shard.resolve("journal/copy"), "a name");
      Files.write(shard.resolve("catalogue/table"), new byte[3 << 20]);
      Files.writeString(shard.resolve("read-cache"), "blocks");
    }
  }

  /** Every shard is whole where it counts, and nowhere else. */
  private void assertWhole(DeviceMap map) throws IOException {
    for (int i = 0; i < SHARDS; i++) {
      Path shard = map.cache(i).directory().resolve("shard-" + i);
      assertEquals("records of " + i, Files.readString(shard.resolve("journal/segment-000")));
      assertEquals(3 << 20, Files.size(shard.resolve("catalogue/table")));
      assertTrue(Files.isDirectory(shard.resolve("catalogue/empty")));
    }
    for (int device = 0; device < 3; device++) {
      for (Path file : list(cache(device))) {
        String name = file.getFileName().toString();
        assertTrue(name.equals("device") || name.matches("shard-\\d"), file.toString());
        if (!name.equals("device")) {
          int shard = Integer.parseInt(name.substring(6));
          assertEquals(cache(device), map.cache(shard).directory(), "shard " + shard);
        }
      }
    }
  }

  private static List<Path> list(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.toList();
    }
  }

  private static int shardsOn(DeviceMap map, Path cache) {
    return (int)
        IntStream.range(0, SHARDS).filter(i -> map.cache(i).directory().equals(cache)).count();
  }

  @Test
  void deviceThatIsAddedGetsItsShareAndKeepsIt() throws IOException {
    DeviceMap map = look(List.of(cache(0), cache(1)), List.of());
    run(map);
    assertEquals(2, shardsOn(map, cache(0)));
    assertEquals(2, shardsOn(map, cache(1)));
    assertWhole(map);
    DeviceMap three = look(List.of(cache(0), cache(1), cache(2)), List.of());
    run(three);
    assertEquals(1, shardsOn(three, cache(2)));
    assertWhole(three);
    DeviceMap again = look(List.of(cache(0), cache(1), cache(2)), List.of());
    new ShardMoves(
            again,
            null,
            READ_CACHE_BYTES,
            step -> {
              throw new AssertionError(step);
            })
        .run();
  }

  @Test
  void readCacheAndTheNameOfTheCopyInMemoryStayBehind() throws IOException {
    DeviceMap map = look(List.of(cache(0), cache(1)), List.of());
    run(map);
    for (int i = 0; i < SHARDS; i++) {
      Path shard = map.cache(i).directory().resolve("shard-" + i);
      boolean moved = map.cache(i).directory().equals(cache(1));
      assertEquals(!moved, Files.exists(shard.resolve("read-cache")));
      assertEquals(!moved, Files.exists(shard.resolve("journal/copy")));
    }
  }

  @Test
  void deviceThatLeavesIsEmptiedAndForgotten() throws IOException {
    run(look(List.of(cache(0), cache(1)), List.of()));
    DeviceMap map = look(List.of(cache(1)), List.of(cache(0)));
    run(map);
    assertEquals(SHARDS, shardsOn(map, cache(1)));
    assertEquals(List.of(), list(cache(0)));
    assertWhole(map);
    assertFalse(Files.readString(temp.resolve("devices")).contains(cache(0).toString()));
    // The option may stay, and the device may come back.
    run(look(List.of(cache(1)), List.of(cache(0))));
    assertEquals(List.of(), list(cache(0)));
    DeviceMap back = look(List.of(cache(0), cache(1)), List.of());
    run(back);
    assertEquals(2, shardsOn(back, cache(0)));
    assertWhole(back);
  }

  @Test
  void killedAfterEachStepNothingIsLostAndTheNextStartGoesOn() throws IOException {
    int kills = 0;
    while (killedWhile(List.of(cache(0), cache(1)), List.of(), kills)) {
      assertTrue(killedWhile(List.of(cache(0)), List.of(cache(1)), kills), "as many steps back");
      kills++;
    }
    assertEquals(8, kills, "four steps for each of two shards");
  }

  /** False when the moves have no step with that number. */
  private boolean killedWhile(List<Path> cache, List<Path> leaving, int step) throws IOException {
    boolean killed = runUntil(look(cache, leaving), step);
    DeviceMap map = look(cache, leaving);
    for (int i = 0; i < SHARDS; i++) {
      Path shard = map.cache(i).directory().resolve("shard-" + i);
      assertEquals("records of " + i, Files.readString(shard.resolve("journal/segment-000")));
    }
    run(map);
    assertWhole(map);
    assertEquals(leaving.isEmpty() ? 2 : 0, shardsOn(map, cache(1)));
    return killed;
  }

  @Test
  void shardThatCannotBeCopiedStays() throws IOException {
    List<String> steps = new ArrayList<>();
    DeviceMap map = look(List.of(cache(0), cache(1)), List.of());
    new ShardMoves(map, null, Long.MAX_VALUE / 2, steps::add).run();
    assertEquals(List.of(), steps);
    assertEquals(SHARDS, shardsOn(map, cache(0)));
    assertWhole(map);
  }

  @Test
  void addedDeviceThatIsNotEmptyIsNotTouched() throws IOException {
    Files.writeString(cache(1).resolve("somebody's"), "data");
    DeviceMap map = look(List.of(cache(0), cache(1)), List.of());
    run(map);
    assertEquals(SHARDS, shardsOn(map, cache(0)));
    assertEquals(1, list(cache(1)).size());
    assertThrows(IOException.class, () -> Files.readString(cache(1).resolve("device")));
  }

  @Test
  void missingDeviceThatIsToLeaveKeepsItsShards() throws IOException {
    run(look(List.of(cache(0), cache(1)), List.of()));
    Files.move(cache(1), temp.resolve("unplugged"));
    DeviceMap map = look(List.of(cache(0)), List.of(cache(1)));
    run(map);
    assertEquals(2, shardsOn(map, cache(1)));
    Files.move(temp.resolve("unplugged"), cache(1));
    DeviceMap back = look(List.of(cache(0)), List.of(cache(1)));
    run(back);
    assertEquals(SHARDS, shardsOn(back, cache(0)));
    assertWhole(back);
  }
}
