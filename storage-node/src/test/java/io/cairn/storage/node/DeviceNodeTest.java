package io.cairn.storage.node;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.model.CacheMode;
import io.cairn.metadata.model.CacheWish;
import io.cairn.metadata.model.VolumeTier;
import io.cairn.metadata.options.Sizes;
import io.cairn.metadata.release.Release;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Status;
import io.cairn.storage.wire.Version;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Whole nodes on real files and sockets; only the metadata is in this process. */
class DeviceNodeTest extends NodeTestBase {
  private static final int BLOCKS = 16384;
  private static final Map<String, String> SMALL =
      Map.of("journal.size", "16MiB", "journal.segment", "4MiB");

  private StorageNode start(String directory) throws Exception {
    StorageNode node =
        StorageNode.start(plan(directory, SMALL), DeviceStores::open, metadata::connect);
    nodes.add(node);
    ShardCaller.await(node.serving().toCompletableFuture());
    return node;
  }

  /** Writes of one block each, one after the other through the chunk. */
  private static void writeAll(ShardCaller caller, int first, int count, int seed)
      throws Exception {
    List<Future<ShardCaller.Answer>> writes = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      writes.add(caller.write(first + i, (first + i - 1) % BLOCKS, bytes(1, seed + i), 0));
      if (writes.size() == 32) {
        for (Future<ShardCaller.Answer> write : writes) {
          assertEquals(Status.OK, ShardCaller.await(write).status());
        }
        writes.clear();
      }
    }
    for (Future<ShardCaller.Answer> write : writes) {
      assertEquals(Status.OK, ShardCaller.await(write).status());
    }
  }

  @Test
  void whatWasWrittenIsThereAfterAStopAndAStart() throws Exception {
    initCluster();
    StorageNode first = start("a");
    writeAll(caller(first, 1).ready(BLOCKS), 1, 100, 0);
    first.close();
    StorageNode second = start("a");
    ShardCaller caller = caller(second, 1);
    assertEquals(Status.OK, caller.hello(0).status());
    assertEquals(Status.OK, caller.bare(MessageType.FENCE).status());
    ShardCaller.Answer opened = caller.bare(MessageType.OPEN);
    assertEquals(Version.of(ShardCaller.GENERATION, 100), opened.lastVersion());
    for (int i = 0; i < 100; i++) {
      assertArrayEquals(bytes(1, i), ShardCaller.await(caller.read(i, 1)).payload());
    }
    writeAll(caller, 101, 1, 500);
  }

  @Test
  void moreThanTheJournalHoldsIsDestagedAndReadBack() throws Exception {
    initCluster();
    StorageNode node = start("a");
    ShardCaller caller = caller(node, 1).ready(BLOCKS);
    int count = 8192;
    writeAll(caller, 1, count, 0);
    assertTrue(metric(get(node, "/metrics", 200), "cairn_storage_destage_blocks_total") > 0);
    for (int i = 0; i < count; i += 97) {
      assertArrayEquals(bytes(1, i), ShardCaller.await(caller.read(i, 1)).payload());
    }
    node.close();
    ShardCaller again = caller(start("a"), 1);
    assertEquals(Status.OK, again.hello(0).status());
    assertEquals(Status.OK, again.bare(MessageType.FENCE).status());
    for (int i = 0; i < count; i += 97) {
      assertArrayEquals(bytes(1, i), ShardCaller.await(again.read(i, 1)).payload());
    }
  }

  @Test
  void aNodeThatWasAwayCopiesWhatItMissed() throws Exception {
    initCluster();
    StorageNode source = start("a");
    StorageNode joiner = start("b");
    ShardCaller toSource = caller(source, 1).ready(BLOCKS);
    writeAll(toSource, 1, 3000, 0);
    writeAll(caller(joiner, 2).ready(BLOCKS), 1, 3000, 0);
    joiner.close();
    writeAll(toSource, 3001, 200, 3000);
    StorageNode back = start("b");
    ShardCaller caller = caller(back, 2);
    assertEquals(Status.OK, caller.hello(0).status());
    assertEquals(Status.OK, caller.bare(MessageType.FENCE).status());
    ShardCaller.Answer done =
        ShardCaller.await(
            caller.catchUp(
                Version.of(ShardCaller.GENERATION, 3200),
                1,
                1,
                source.address().getPort(),
                BLOCKS));
    assertEquals(Status.OK, done.status());
    assertEquals(200, done.detail());
    for (int i = 0; i < 3200; i += 50) {
      assertArrayEquals(bytes(1, i), ShardCaller.await(caller.read(i, 1)).payload());
    }
    assertEquals(
        200, metric(get(back, "/metrics", 200), "cairn_storage_catchup_copied_blocks_total"));
  }

  @Test
  void aJournalWithSegmentsOfAnotherSizeIsRefusedInOneLine() throws Exception {
    initCluster();
    start("a").close();
    StorageNode node =
        StorageNode.start(
            plan("a", Map.of("journal.size", "64MiB", "journal.segment", "8MiB")),
            DeviceStores::open,
            metadata::connect);
    nodes.add(node);
    String reason = refusal(node);
    assertTrue(reason.contains("not the configured") && !reason.contains("\n"), reason);
  }

  @Test
  void journalsGrowAndShrinkToTheConfiguredSizeWhileTheNodeServes() throws Exception {
    initCluster();
    StorageNode first = start("a");
    writeAll(caller(first, 1).ready(BLOCKS), 1, 3000, 0);
    first.close();
    int written = 3000;
    for (String size : List.of("64MiB", "16MiB")) {
      long bytes = Sizes.parseBytes(size);
      StorageNode node =
          StorageNode.start(
              plan("a", Map.of("journal.size", size, "journal.segment", "4MiB")),
              DeviceStores::open,
              metadata::connect);
      nodes.add(node);
      ShardCaller.await(node.serving().toCompletableFuture());
      ShardCaller caller = caller(node, 1);
      assertEquals(Status.OK, caller.hello(0).status());
      assertEquals(Status.OK, caller.bare(MessageType.FENCE).status());
      writeAll(caller, written + 1, 1000, written);
      written += 1000;
      await(() -> node.cacheSizes().journalBytes() == bytes, "the journal has " + size);
      // The heartbeat comes after what it says, and the file before the journal has it.
      await(
          () -> metadata.heartbeats().getLast().journalSizeBytes() == bytes,
          "a heartbeat says " + size);
      for (int i = 0; i < written; i += 97) {
        assertArrayEquals(bytes(1, i), ShardCaller.await(caller.read(i, 1)).payload());
      }
      node.close();
    }
  }

  @Test
  void whatAnOperatorWantsCountsMoreThanTheOptionsUntilItIsTakenBack() throws Exception {
    initCluster();
    metadata.operate(new Command.RaiseLevel(Release.LEVEL_OF_CACHE_SIZES));
    StorageNode first = start("a");
    metadata.operate(new Command.ResizeCache(1, new CacheWish(64L << 20, null)));
    await(() -> first.cacheSizes().journalBytes() == 64 << 20, "the journal has grown");
    first.close();
    StorageNode second = start("a");
    await(() -> second.cacheSizes().journalBytes() == 64 << 20, "it has its size");
    int beats = metadata.heartbeats().size();
    await(() -> metadata.heartbeats().size() > beats + 3, "more heartbeats");
    assertEquals(64 << 20, second.cacheSizes().journalBytes());
    metadata.operate(new Command.ResizeCache(1, CacheWish.NONE));
    await(() -> second.cacheSizes().journalBytes() == 16 << 20, "it has shrunk");
  }

  @Test
  void aJournalThatCannotGrowKeepsItsSizeAndSaysSo() throws Exception {
    initCluster();
    StorageNode node = start("a");
    node.resizeCache(OptionalLong.of(4 << 20), OptionalLong.empty());
    await(
        () ->
            metadata.heartbeats().stream()
                .anyMatch(beat -> String.valueOf(beat.trouble()).contains("at least 4 segments")),
        "it is said");
    assertEquals(16 << 20, node.cacheSizes().journalBytes());
  }

  @Test
  void aJournalOfAnotherNodeIsRefusedInOneLine() throws Exception {
    initCluster();
    start("a").close();
    StorageNode node =
        StorageNode.start(
            plan(
                "b",
                Map.of(
                    "journal.size",
                    "16MiB",
                    "journal.segment",
                    "4MiB",
                    "cache.directory",
                    temp.resolve("a/cache").toString())),
            DeviceStores::open,
            metadata::connect);
    nodes.add(node);
    String reason = refusal(node);
    assertTrue(reason.contains("journal") && !reason.contains("\n"), reason);
  }

  @Test
  void anUnsyncedWriteSurvivesACleanStop() throws Exception {
    initCluster();
    StorageNode node = start("a");
    ShardCaller caller = caller(node, 1).ready(BLOCKS);
    Future<ShardCaller.Answer> write = caller.write(1, 0, bytes(4, 7), Frame.FLAG_DURABLE);
    node.close();
    try {
      if (ShardCaller.await(write).status() != Status.OK) {
        return;
      }
    } catch (java.util.concurrent.ExecutionException e) {
      assertTrue(e.getCause() instanceof IOException);
      return;
    }
    ShardCaller again = caller(start("a"), 1);
    again.hello(0);
    again.bare(MessageType.FENCE);
    assertArrayEquals(bytes(4, 7), ShardCaller.await(again.read(0, 4)).payload());
  }

  @Test
  void deletedVolumesLeaveTheTrashAndTheirSpaceIsFree() throws Exception {
    initCluster();
    Map<String, String> settings = new java.util.HashMap<>(SMALL);
    settings.put("trash.delay", "0");
    StorageNode node =
        StorageNode.start(plan("a", settings), DeviceStores::open, metadata::connect);
    nodes.add(node);
    ShardCaller.await(node.serving().toCompletableFuture());
    writeAll(caller(node, 1).ready(BLOCKS), 1, 10, 0);
    await(() -> !metadata.heartbeats().isEmpty() && used() > 0, "the chunk takes space");
    metadata.deleteVolume(ShardCaller.VOLUME);
    await(() -> metadata.heartbeats().getLast().chunkCount() == 0, "the chunk is gone");
  }

  @Test
  void deletedChunksLeaveTheTrashBeforeTheirTimeWhereThereIsLittleRoom() throws Exception {
    initCluster();
    Map<String, String> settings = new java.util.HashMap<>(SMALL);
    settings.put("trash.delay", "24h");
    settings.put("capacity.limit", "128MiB");
    StorageNode node =
        StorageNode.start(plan("a", settings), DeviceStores::open, metadata::connect);
    nodes.add(node);
    ShardCaller.await(node.serving().toCompletableFuture());
    writeAll(caller(node, 1).ready(BLOCKS), 1, 10, 0);
    await(() -> !metadata.heartbeats().isEmpty() && used() > 0, "the chunk takes space");
    metadata.deleteVolume(ShardCaller.VOLUME);
    await(
        () -> metadata.heartbeats().getLast().chunkCount() == 0 && used() == 0,
        "its space is free");
  }

  @Test
  void aNodeHearsWhichVolumesAreDestagedAtOnce() throws Exception {
    initCluster();
    StorageNode first = start("a");
    writeAll(caller(first, 1).ready(BLOCKS), 1, 10, 0);
    first.close();
    metadata.setTier(ShardCaller.VOLUME, new VolumeTier(CacheMode.WRITE_THROUGH, false));
    StorageNode second = start("a");
    String name = "cairn_storage_destage_blocks_total";
    await(() -> metric(page(second), name) >= 10, "what the journal held is destaged");
    ShardCaller caller = caller(second, 1);
    caller.hello(0);
    caller.bare(MessageType.FENCE);
    writeAll(caller, 11, 1, 0);
    await(() -> metric(page(second), name) >= 11, "what is written is destaged");
  }

  @Test
  void whatIsWrittenToEachDeviceIsCounted() throws Exception {
    initCluster();
    metadata.setTier(ShardCaller.VOLUME, new VolumeTier(CacheMode.WRITE_THROUGH, false));
    StorageNode node = start("a");
    ShardCaller caller = caller(node, 1).ready(BLOCKS);
    int blocks = 100;
    writeAll(caller, 1, blocks, 0);
    await(
        () -> metric(page(node), "cairn_storage_destage_blocks_total") >= blocks,
        "all is destaged");
    String page = page(node);
    String written = "cairn_storage_device_written_bytes_total{device=\"";
    double given = blocks * 4096.0;
    assertEquals(given, metric(page, "cairn_storage_written_bytes_total"));
    assertEquals(given, metric(page, written + temp.resolve("a/capacity")));
    double catalogue = metric(page, "cairn_storage_catalogue_written_bytes_total");
    assertTrue(catalogue > 0, page);
    // Records have a head each, and a page that several syncs write is written several times.
    double journal = metric(page, written + temp.resolve("a/cache")) - catalogue;
    assertTrue(journal > metric(page, "cairn_storage_journal_appended_bytes_total") - 4096, page);
    assertEquals(0, journal % 4096);
  }

  private String page(StorageNode node) {
    try {
      return get(node, "/metrics", 200);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aChunkThatWasPlacedElsewhereLeavesTheNodeAndItsSpaceIsFree() throws Exception {
    initCluster();
    Map<String, String> settings = new java.util.HashMap<>(SMALL);
    settings.put("trash.delay", "0");
    StorageNode away = start("a");
    writeAll(caller(away, 1).ready(BLOCKS), 1, 10, 0);
    away.close();
    metadata.placeElsewhere(ShardCaller.VOLUME, ShardCaller.INDEX);
    StorageNode node =
        StorageNode.start(plan("a", settings), DeviceStores::open, metadata::connect);
    nodes.add(node);
    ShardCaller.await(node.serving().toCompletableFuture());
    await(() -> metadata.heartbeats().getLast().chunkCount() == 0, "the chunk is gone");
    assertEquals(1, metric(get(node, "/metrics", 200), "cairn_storage_given_back_chunks_total"));
    await(() -> used() == 0, "its space is free");
  }

  private long used() {
    return metadata.heartbeats().getLast().usedBytes();
  }
}
