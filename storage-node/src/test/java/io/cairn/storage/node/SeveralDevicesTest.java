package io.cairn.storage.node;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.Shards;
import io.cairn.storage.device.DeviceFaults;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Reply;
import io.cairn.storage.wire.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/**
 * A node with two cache and two capacity devices and a shard on each pair: what happens to one
 * device concerns its shard only.
 */
class SeveralDevicesTest extends NodeTestBase {
  private static final int BLOCKS = 16384;

  private long connections;

  private Path cache(int number) {
    return temp.resolve("cache-" + number);
  }

  private Path capacity(int number) {
    return temp.resolve("capacity-" + number);
  }

  private StorageNode start() throws Exception {
    return start(List.of(cache(0), cache(1)), List.of(capacity(0), capacity(1)));
  }

  private StorageNode start(List<Path> cache, List<Path> capacity) throws Exception {
    return start(cache, List.of(), capacity);
  }

  private StorageNode start(List<Path> cache, List<Path> leaving, List<Path> capacity)
      throws Exception {
    Map<String, String> settings = new HashMap<>();
    settings.put("shards", "2");
    settings.put("journal.size", "16MiB");
    settings.put("journal.segment", "4MiB");
    settings.put("device.stall", "1s");
    settings.put("test.device.faults", "true");
    settings.put("cache.directory", list(cache));
    if (!leaving.isEmpty()) {
      settings.put("cache.leaving", list(leaving));
    }
    settings.put("capacity.directory", list(capacity));
    StorageNode node =
        StorageNode.start(plan("a", settings), DeviceStores::open, metadata::connect);
    nodes.add(node);
    ShardCaller.await(node.serving().toCompletableFuture());
    return node;
  }

  private static String list(List<Path> paths) {
    return String.join(",", paths.stream().map(Path::toString).toList());
  }

  /** A chunk of the shard. */
  private static int chunkOf(int shard) {
    return chunkOf(shard, 0);
  }

  private static int chunkOf(int shard, int first) {
    int index = first;
    while (Shards.shardOf(ShardCaller.VOLUME, 0, index, 2) != shard) {
      index++;
    }
    return index;
  }

  /** Somebody who has the shard's chunk open. */
  private ShardCaller caller(StorageNode node, int shard) throws Exception {
    ShardCaller caller = caller(node, 1L).on(chunkOf(shard));
    assertEquals(Status.OK, caller.hello(shard, ++connections).status());
    assertEquals(Status.OK, caller.bare(MessageType.FENCE).status());
    return caller;
  }

  private void writeDurably(StorageNode node, int shard) throws Exception {
    ShardCaller caller = caller(node, shard);
    assertEquals(Status.OK, caller.create(BLOCKS).status());
    assertEquals(
        Status.OK,
        ShardCaller.await(caller.write(1, 0, bytes(4, shard), Frame.FLAG_DURABLE)).status());
  }

  private void assertServes(StorageNode node, int shard) throws Exception {
    ShardCaller caller = caller(node, shard);
    assertArrayEquals(bytes(4, shard), ShardCaller.await(caller.read(0, 4)).payload());
  }

  private static int openState(ShardCaller caller) throws Exception {
    ShardCaller.Answer answer = caller.bare(MessageType.OPEN);
    return Reply.openState(new UnsafeBuffer(answer.header()), 0);
  }

  private Query.NodeHeartbeat awaitTrouble(String part) {
    await(
        () -> String.valueOf(metadata.heartbeats().getLast().trouble()).contains(part),
        "trouble with " + part);
    return metadata.heartbeats().getLast();
  }

  private static Query.NodeDevice device(Query.NodeHeartbeat heartbeat, Path directory) {
    return heartbeat.devices().stream()
        .filter(device -> device.directory().equals(directory.toString()))
        .findFirst()
        .orElseThrow(() -> new AssertionError(heartbeat.devices().toString()));
  }

  private static void play(Path device, String fault) throws IOException {
    Files.writeString(device.resolve(DeviceFaults.FILE), fault);
  }

  private static void empty(Path directory) throws IOException {
    try (Stream<Path> all = Files.walk(directory)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
    Files.createDirectory(directory);
  }

  @Test
  void aDeviceWhoseSyncsFailTakesItsShardAndIsNamed() throws Exception {
    initCluster();
    StorageNode node = start();
    writeDurably(node, 0);
    writeDurably(node, 1);
    long before = metadata.heartbeats().getLast().freeBytes();
    play(cache(1), "eio sync");
    ShardCaller caller = caller(node, 1L).on(chunkOf(1));
    assertEquals(Status.OK, caller.hello(1, ++connections).status());
    caller.write(2, 0, bytes(1, 5), Frame.FLAG_DURABLE);
    ShardCaller.await(caller.closed);
    Query.NodeHeartbeat heartbeat =
        awaitTrouble("the cache device " + cache(1) + " failed: sync: Input/output error");
    assertTrue(heartbeat.trouble().contains("shard 1 accepts nothing"), heartbeat.trouble());
    assertEquals(0, heartbeat.freeBytes());
    long freeBytes = heartbeat.servingFreeBytes();
    assertTrue(freeBytes > 0 && freeBytes < 0.75 * before, freeBytes + " of " + before);
    assertEquals("failed", device(heartbeat, cache(1)).state());
    assertEquals(List.of(1), device(heartbeat, cache(1)).shards());
    assertEquals(List.of(1), heartbeat.shardsOut());
    assertEquals("good", device(heartbeat, cache(0)).state());
    assertNull(device(heartbeat, cache(0)).reason());
    for (Path good : List.of(cache(0), capacity(0))) {
      Query.NodeDevice device = device(heartbeat, good);
      assertTrue(device.usedBytes() > 0 || good.equals(capacity(0)), device::toString);
      assertTrue(device.sizeBytes() > device.usedBytes(), device::toString);
    }
    assertEquals(0, device(heartbeat, cache(1)).sizeBytes(), "who failed is not asked");
    assertServes(node, 0);
    get(node, "/readyz", 200);
    String page = get(node, "/metrics", 200);
    String device = "{device=\"" + cache(1) + "\",tier=\"cache\"}";
    assertEquals(1, metric(page, "cairn_storage_device_failed" + device));
  }

  @Test
  void aDeviceThatHangsTakesItsShardOutOfServiceUntilItGoesOn() throws Exception {
    initCluster();
    StorageNode node = start();
    writeDurably(node, 0);
    writeDurably(node, 1);
    ShardCaller caller = caller(node, 1);
    play(cache(1), "hang");
    caller.write(2, 0, bytes(4, 1), Frame.FLAG_DURABLE);
    ShardCaller.await(caller.closed);
    assertServes(node, 0);
    Query.NodeHeartbeat heartbeat = awaitTrouble("does not return from a call");
    assertTrue(heartbeat.trouble().contains(cache(1).toString()), heartbeat.trouble());
    assertEquals("stalled", device(heartbeat, cache(1)).state());
    assertEquals(List.of(1), heartbeat.shardsOut());
    Files.delete(cache(1).resolve(DeviceFaults.FILE));
    await(() -> metadata.heartbeats().getLast().trouble() == null, "the device goes on");
    assertEquals(List.of(), metadata.heartbeats().getLast().shardsOut());
    assertServes(node, 1);
  }

  @Test
  void aCapacityDeviceThatFailsTakesItsShardWhenItIsDestaged() throws Exception {
    initCluster();
    StorageNode node = start();
    play(capacity(0), "eio");
    writeDurably(node, 0);
    ShardCaller caller = caller(node, 0);
    for (int sequence = 2; !caller.closed.isDone() && sequence < 256; sequence++) {
      // As much as the journal cannot hold.
      var unused = caller.write(sequence, sequence * 32, bytes(32, sequence), 0);
    }
    ShardCaller.await(caller.closed);
    awaitTrouble("the capacity device " + capacity(0) + " failed: ");
    writeDurably(node, 1);
  }

  @Test
  void aMissingDeviceTakesItsShardAndTheOthersServe() throws Exception {
    initCluster();
    StorageNode first = start();
    writeDurably(first, 0);
    writeDurably(first, 1);
    first.close();
    Files.move(cache(1), temp.resolve("elsewhere"));
    StorageNode second = start();
    assertServes(second, 0);
    Query.NodeHeartbeat heartbeat = awaitTrouble("shard 1 is not served");
    String trouble = heartbeat.trouble();
    assertTrue(trouble.contains("cache device " + cache(1) + " is missing"), trouble);
    assertEquals("missing", device(heartbeat, cache(1)).state());
    assertEquals(List.of(1), device(heartbeat, cache(1)).shards());
    assertEquals(4, heartbeat.devices().size());
    assertEquals(List.of(1), heartbeat.shardsOut());
    second.close();
    Files.move(temp.resolve("elsewhere"), cache(1));
    Files.move(capacity(1), temp.resolve("elsewhere"));
    StorageNode without = start();
    heartbeat = awaitTrouble("capacity device " + capacity(1) + " is missing");
    assertEquals("missing", device(heartbeat, capacity(1)).state());
    assertEquals(4, heartbeat.devices().size());
    without.close();
    Files.move(temp.resolve("elsewhere"), capacity(1));
    Files.move(cache(1), temp.resolve("elsewhere"));
    // In another order, and under another name: each shard finds what is its own.
    StorageNode third =
        start(List.of(temp.resolve("elsewhere"), cache(0)), List.of(capacity(1), capacity(0)));
    assertServes(third, 0);
    assertServes(third, 1);
    assertNull(metadata.heartbeats().getLast().trouble());
  }

  @Test
  void aShardOnAReplacedDeviceBeginsAnewAndSaysThatItLostWhatItHad() throws Exception {
    initCluster();
    StorageNode first = start();
    writeDurably(first, 0);
    writeDurably(first, 1);
    first.close();
    for (long volume = 1; volume <= ShardCaller.VOLUME; volume++) {
      metadata.operate(
          new Command.CreateVolume("v" + volume, 1 << 30, 1 << 26, 1, 1, Durability.FLUSH));
    }
    empty(capacity(1));
    StorageNode second = start();
    assertServes(second, 0);
    ShardCaller lost = caller(second, 1);
    assertEquals(Reply.STATE_LOST, openState(lost));
    assertEquals(Reply.STATE_ABSENT, openState(caller(second, 0).on(chunkOf(0, 1000))));
    second.close();
    StorageNode third = start();
    assertEquals(Reply.STATE_LOST, openState(caller(third, 1)));
    assertFalse(Files.exists(cache(1).resolve("shard-1.lost")));
  }

  @Test
  void aDeviceOfAnotherNodeIsNotTouched() throws Exception {
    initCluster();
    StorageNode first = start();
    writeDurably(first, 1);
    first.close();
    Path other = Files.createDirectory(temp.resolve("other"));
    Files.writeString(other.resolve("device"), "cairn device 1\nanother\n");
    StorageNode second = start(List.of(cache(0), other), List.of(capacity(0), capacity(1)));
    String trouble = awaitTrouble("shard 1 is not served").trouble();
    assertTrue(trouble.contains("cache device " + cache(1) + " is missing"), trouble);
    try (Stream<Path> files = Files.list(other)) {
      assertEquals(1, files.count());
    }
    second.close();
  }

  @Test
  void aCacheDeviceThatIsAddedGetsAShardAndGivesItBack() throws Exception {
    initCluster();
    List<Path> capacity = List.of(capacity(0), capacity(1));
    StorageNode first = start(List.of(cache(0)), capacity);
    writeDurably(first, 0);
    writeDurably(first, 1);
    first.close();
    Files.createDirectory(cache(1));
    StorageNode grown = start(List.of(cache(0), cache(1)), capacity);
    assertServes(grown, 0);
    assertServes(grown, 1);
    assertEquals(1, shardsOn(cache(0)));
    assertEquals(1, shardsOn(cache(1)));
    grown.close();
    StorageNode shrunk = start(List.of(cache(1)), List.of(cache(0)), capacity);
    assertServes(shrunk, 0);
    assertServes(shrunk, 1);
    assertEquals(2, shardsOn(cache(1)));
    try (Stream<Path> files = Files.list(cache(0))) {
      assertEquals(List.of(), files.toList());
    }
    assertNull(metadata.heartbeats().getLast().trouble());
  }

  private static long shardsOn(Path cache) throws IOException {
    try (Stream<Path> files = Files.list(cache)) {
      return files.filter(file -> file.getFileName().toString().startsWith("shard-")).count();
    }
  }
}
