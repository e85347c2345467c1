package io.cairn.storage.node;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.options.OptionException;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Status;
import io.cairn.storage.wire.Version;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A node over real sockets; metadata and devices in this process. */
class StorageNodeTest extends NodeTestBase {
  private static final int BLOCKS = 256;

  private StorageNode start(String directory, MemoryStores stores) throws IOException {
    return start(directory, stores, Map.of());
  }

  private StorageNode start(String directory, MemoryStores stores, Map<String, String> more)
      throws IOException {
    StorageNode node = StorageNode.start(plan(directory, more), stores, metadata::connect);
    nodes.add(node);
    return node;
  }

  private StorageNode serving(String directory, MemoryStores stores) throws Exception {
    StorageNode node = start(directory, stores);
    ShardCaller.await(node.serving().toCompletableFuture());
    return node;
  }

  @Test
  void aNodeServesOnlyOnceItHasJoined() throws Exception {
    StorageNode node = start("a", new MemoryStores(1));
    assertTrue(get(node, "/readyz", 503).contains("not joined"));
    get(node, "/healthz", 200);
    try (Socket early = new Socket()) {
      early.connect(new InetSocketAddress("127.0.0.1", node.address().getPort()));
      early.setSoTimeout(10_000);
      assertEquals(-1, early.getInputStream().read());
    }
    initCluster();
    ShardCaller.await(node.serving().toCompletableFuture());
    get(node, "/readyz", 200);
    ShardCaller caller = caller(node, 1).ready(BLOCKS);
    byte[] data = bytes(3, 1);
    assertEquals(
        Status.OK, ShardCaller.await(caller.write(1, 7, data, Frame.FLAG_DURABLE)).status());
    assertArrayEquals(data, ShardCaller.await(caller.read(7, 3)).payload());
    String page = get(node, "/metrics", 200);
    assertEquals(1, metric(page, "cairn_storage_requests_total{shard=\"0\",type=\"write\"}"));
    assertEquals(
        3 * Frame.BLOCK_BYTES, metric(page, "cairn_storage_written_bytes_total{shard=\"0\"}"));
    assertEquals(
        3 * Frame.BLOCK_BYTES, metric(page, "cairn_storage_read_bytes_total{shard=\"0\"}"));
  }

  @Test
  void aNodeThatComesBackIsTheSameNodeInAnotherLife() throws Exception {
    initCluster();
    MemoryStores stores = new MemoryStores(1);
    StorageNode first = serving("a", stores);
    ShardCaller caller = caller(first, 1).ready(BLOCKS);
    byte[] data = bytes(1, 2);
    assertEquals(Status.OK, ShardCaller.await(caller.write(1, 0, data, 0)).status());
    first.close();
    ShardCaller.await(caller.closed);
    assertTrue(stores.stopped);
    assertThrows(IOException.class, () -> new Socket("127.0.0.1", first.address().getPort()));
    StorageNode second = serving("a", stores);
    assertEquals(1, stores.owners.get(1).nodeId());
    assertEquals(2, stores.owners.get(1).incarnation());
    ShardCaller again = caller(second, 1);
    again.hello(0);
    assertEquals(Status.OK, again.bare(MessageType.FENCE).status());
    assertArrayEquals(data, ShardCaller.await(again.read(0, 1)).payload());
  }

  /** However soon it comes after the end of the last one, of which the node need not hear. */
  @Test
  void aSecondFlushIsOfWhatTheJournalsHoldThen() throws Exception {
    initCluster();
    MemoryStores stores = new MemoryStores(1);
    serving("a", stores);
    metadata.operate(new Command.FlushCache(1, true));
    awaitFlushed(1);
    metadata.operate(new Command.FlushCache(1, false));
    metadata.operate(new Command.FlushCache(1, true));
    awaitFlushed(2);
    assertEquals(2, stores.flushes.get());
    metadata.operate(new Command.FlushCache(1, false));
    await(() -> metadata.heartbeats().getLast().flushLeftBytes() == null, "the flush has ended");
  }

  private void awaitFlushed(long request) {
    await(
        () -> {
          Query.NodeHeartbeat said = metadata.heartbeats().getLast();
          return said.flushRequest() == request && Long.valueOf(0).equals(said.flushLeftBytes());
        },
        "flush " + request);
  }

  @Test
  void anEmptiedDirectoryIsANewNode() throws Exception {
    initCluster();
    serving("a", new MemoryStores(1)).close();
    MemoryStores stores = new MemoryStores(1);
    serving("b", stores);
    assertEquals(2, stores.owners.getFirst().nodeId());
  }

  @Test
  void aReplicaCopiesFromAnotherNodeWhatItLacksAndNothingElse() throws Exception {
    initCluster();
    StorageNode source = serving("a", new MemoryStores(1));
    StorageNode joiner = serving("b", new MemoryStores(1));
    ShardCaller toSource = caller(source, 1).ready(BLOCKS);
    ShardCaller toJoiner = caller(joiner, 2).ready(BLOCKS);
    for (int i = 1; i <= 20; i++) {
      byte[] data = bytes(2, i);
      assertEquals(Status.OK, ShardCaller.await(toSource.write(i, 3 * i, data, 0)).status());
      if (i <= 15) {
        assertEquals(Status.OK, ShardCaller.await(toJoiner.write(i, 3 * i, data, 0)).status());
      }
    }
    long base = Version.of(ShardCaller.GENERATION, 20);
    ShardCaller.Answer done =
        ShardCaller.await(toJoiner.catchUp(base, 1, 1, source.address().getPort(), BLOCKS));
    assertEquals(Status.OK, done.status());
    assertEquals(10, done.detail());
    for (int i = 1; i <= 20; i++) {
      assertArrayEquals(bytes(2, i), ShardCaller.await(toJoiner.read(3 * i, 2)).payload());
    }
    assertEquals(
        10,
        metric(
            get(joiner, "/metrics", 200),
            "cairn_storage_catchup_copied_blocks_total{shard=\"0\"}"));
  }

  @Test
  void aCatchUpFromANodeThatIsGoneFailsInTime() throws Exception {
    initCluster();
    StorageNode source = serving("a", new MemoryStores(1));
    int port = source.address().getPort();
    StorageNode joiner = serving("b", new MemoryStores(1));
    source.close();
    ShardCaller caller = caller(joiner, 2).ready(BLOCKS);
    ShardCaller.Answer answer =
        ShardCaller.await(
            caller.catchUp(Version.of(ShardCaller.GENERATION, 1), 1, 1, port, BLOCKS));
    assertEquals(Status.SOURCE_FAILED, answer.status());
  }

  @Test
  void aSourceThatAcceptsAndKeepsSilentIsGivenUp() throws Exception {
    initCluster();
    serving("a", new MemoryStores(1)).close();
    StorageNode joiner = serving("b", new MemoryStores(1));
    ShardCaller caller = caller(joiner, 2).ready(BLOCKS);
    try (ServerSocket silent = new ServerSocket(0)) {
      ShardCaller.Answer answer =
          ShardCaller.await(
              caller.catchUp(
                  Version.of(ShardCaller.GENERATION, 1), 1, 1, silent.getLocalPort(), BLOCKS));
      assertEquals(Status.SOURCE_FAILED, answer.status());
    }
  }

  @Test
  void shardsHaveLoopsOfTheirOwn() throws Exception {
    initCluster();
    StorageNode node = start("a", new MemoryStores(3), Map.of("shards", "3"));
    ShardCaller.await(node.serving().toCompletableFuture());
    for (int shard = 0; shard < 3; shard++) {
      assertEquals(Status.OK, caller(node, 1).hello(shard).status());
    }
    assertEquals(Status.WRONG_SHARD, caller(node, 1).hello(3).status());
    assertEquals(3, metadata.node(1).shardCount());
  }

  @Test
  void theNodeServesOnWhileTheMetadataIsAway() throws Exception {
    initCluster();
    StorageNode node = serving("a", new MemoryStores(1));
    ShardCaller caller = caller(node, 1).ready(BLOCKS);
    metadata.setAway(true);
    int heard = metadata.heartbeats().size();
    assertEquals(Status.OK, ShardCaller.await(caller.write(1, 0, bytes(1, 1), 0)).status());
    metadata.setAway(false);
    await(() -> metadata.heartbeats().size() > heard, "heartbeats go on");
    get(node, "/readyz", 200);
  }

  @Test
  void chunksOfADeletedVolumeGoToTheTrash() throws Exception {
    initCluster();
    MemoryStores stores = new MemoryStores(1);
    StorageNode first = serving("a", stores);
    caller(first, 1).ready(BLOCKS);
    first.close();
    metadata.deleteVolume(ShardCaller.VOLUME);
    StorageNode second = serving("a", stores);
    ShardCaller caller = caller(second, 1);
    assertEquals(Status.OK, caller.hello(0).status());
    await(() -> metadata.heartbeats().getLast().chunkCount() == 0, "the chunk is gone");
    assertTrue(
        metadata.heartbeats().stream()
            .anyMatch(h -> h.knownVolumes().equals(List.of(ShardCaller.VOLUME))));
  }

  @Test
  void aNodeThatWasRemovedServesNoMore() throws Exception {
    initCluster();
    StorageNode node = serving("a", new MemoryStores(1));
    ShardCaller caller = caller(node, 1).ready(BLOCKS);
    metadata.operate(new Command.RemoveNode(1));
    ShardCaller.await(caller.closed);
    await(
        () -> {
          try {
            return get(node, "/readyz", 503).contains("node 1 was removed");
          } catch (Exception e) {
            throw new AssertionError(e);
          }
        },
        "not ready");
  }

  @Test
  void aDeposedLeaderThatDoesNotKnowTheNodeIsNotBelieved() throws Exception {
    initCluster();
    metadata.answerStale(1);
    StorageNode node = serving("a", new MemoryStores(1));
    ShardCaller caller = caller(node, 1).ready(BLOCKS);
    metadata.answerStale(1);
    int heard = metadata.heartbeats().size();
    await(() -> metadata.heartbeats().size() >= heard + 2, "heartbeats go on");
    assertEquals(Status.OK, caller.bare(MessageType.PING).status());
    get(node, "/readyz", 200);
  }

  @Test
  void aNodeWhoseStoreWasCopiedAndStartedElsewhereServesNoMore() throws Exception {
    initCluster();
    StorageNode node = serving("a", new MemoryStores(1));
    ShardCaller caller = caller(node, 1).ready(BLOCKS);
    NodeRecord record = metadata.node(1);
    metadata.operate(
        new Command.RegisterNode(
            CLUSTER,
            record.storeIdHigh(),
            record.storeIdLow(),
            "copy",
            "elsewhere",
            1,
            "",
            "",
            "",
            0,
            1,
            record.incarnation() + 1));
    ShardCaller.await(caller.closed);
    await(
        () -> {
          try {
            return get(node, "/readyz", 503).contains("copy of this store");
          } catch (Exception e) {
            throw new AssertionError(e);
          }
        },
        "not ready");
  }

  @Test
  void aShardWhoseDeviceFailedEndsItsLinksAndIsNotReady() throws Exception {
    initCluster();
    MemoryStores stores = new MemoryStores(1);
    StorageNode node = serving("a", stores);
    ShardCaller caller = caller(node, 1).ready(BLOCKS);
    stores.fail("sync failed: EIO");
    ShardCaller.await(caller.closed);
    assertTrue(get(node, "/readyz", 503).contains("sync failed: EIO"));
    await(() -> metadata.heartbeats().getLast().freeBytes() == 0, "it is given no chunks");
  }

  @Test
  void aStoreOfAnotherClusterIsRefusedInOneLine() throws Exception {
    initCluster();
    serving("a", new MemoryStores(1)).close();
    LocalMetadata other = new LocalMetadata();
    other.operate(new Command.InitCluster(0x77));
    StorageNode node = StorageNode.start(plan("a", Map.of()), new MemoryStores(1), other::connect);
    nodes.add(node);
    String reason = refusal(node);
    assertTrue(reason.contains("5a5a") && reason.contains("77"), reason);
    assertFalse(reason.contains("\n"));
    assertTrue(get(node, "/readyz", 503).contains("77"));
  }

  @Test
  void twoNodesOnOneDirectoryAreRefusedInOneLine() throws Exception {
    start("a", new MemoryStores(1));
    IOException refused = assertThrows(IOException.class, () -> start("a", new MemoryStores(1)));
    assertTrue(refused.getMessage().contains("in use"), refused.getMessage());
  }

  @Test
  void aPortInUseIsRefusedWithItsOption() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
      String address = "127.0.0.1:" + taken.getLocalPort();
      for (String option : List.of("data.address", "http.address")) {
        OptionException refused =
            assertThrows(
                OptionException.class,
                () -> start("a", new MemoryStores(1), Map.of(option, address)));
        assertTrue(refused.getMessage().contains(option), refused.getMessage());
        assertTrue(refused.getMessage().contains(address), refused.getMessage());
      }
    }
    // Nothing of what was opened before is held.
    assertNotNull(start("a", new MemoryStores(1)));
  }

  @Test
  void aDirectoryThatCannotBeMadeIsRefusedInOneLine() throws Exception {
    Files.writeString(temp.resolve("file"), "x");
    IOException data = assertThrows(IOException.class, () -> start("file", new MemoryStores(1)));
    assertTrue(data.getMessage().contains("file"), data.getMessage());
    String cache = temp.resolve("file/cache").toString();
    OptionException refused =
        assertThrows(
            OptionException.class,
            () -> start("a", new MemoryStores(1), Map.of("cache.directory", cache)));
    assertTrue(refused.getMessage().contains("cache.directory"), refused.getMessage());
  }

  @Test
  void optionsThatDoNotGoTogetherAreRefused() {
    assertThrows(OptionException.class, () -> plan("a", Map.of("journal.segment", "128MiB")));
    OptionException refused =
        assertThrows(OptionException.class, () -> plan("a", Map.of("data.address", "0.0.0.0:0")));
    assertTrue(refused.getMessage().contains("advertised.address"), refused.getMessage());
    plan("a", Map.of("data.address", "0.0.0.0:0", "advertised.address", "node-1:7121"));
  }

  @Test
  void aNodeThatCannotOpenItsStoresSaysSo() throws Exception {
    initCluster();
    StorageNode node =
        StorageNode.start(
            plan("a", Map.of()),
            (plan, owner, loops, payloads) -> {
              throw new IOException("journal 0 belongs to node 7");
            },
            metadata::connect);
    nodes.add(node);
    assertEquals("journal 0 belongs to node 7", refusal(node));
  }
}
