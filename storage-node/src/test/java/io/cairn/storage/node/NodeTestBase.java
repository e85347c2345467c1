package io.cairn.storage.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.command.Command;
import io.cairn.storage.transport.SocketKind;
import io.cairn.storage.wire.Frame;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;

/** Nodes in this process, their metadata, and somebody who calls them. */
abstract class NodeTestBase {
  static final long CLUSTER = 0x5a5a;

  @TempDir Path temp;
  final LocalMetadata metadata = new LocalMetadata();
  final MultiThreadIoEventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, SocketKind.best().ioHandlers());
  final List<StorageNode> nodes = new ArrayList<>();
  final HttpClient http = HttpClient.newHttpClient();

  @AfterEach
  void stopAll() {
    nodes.forEach(StorageNode::close);
    loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly();
    http.close();
  }

  void initCluster() {
    metadata.operate(new Command.InitCluster(CLUSTER));
  }

  NodePlan plan(String directory, Map<String, String> more) {
    Map<String, String> settings = new HashMap<>();
    settings.put("data.address", "127.0.0.1:0");
    settings.put("http.address", "127.0.0.1:0");
    settings.put("metadata.addresses", "127.0.0.1:7101");
    settings.put("data.directory", temp.resolve(directory).toString());
    settings.putAll(more);
    return NodePlan.of(StorageOptions.SET.read(null, Map.of(), settings));
  }

  ShardCaller caller(StorageNode node, long nodeId) {
    return new ShardCaller(loops.next(), CLUSTER, nodeId, node.address().getPort());
  }

  static void await(BooleanSupplier condition, String what) {
    long deadline = System.nanoTime() + 20_000_000_000L;
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < deadline, "in vain awaited: " + what);
      Thread.onSpinWait();
    }
  }

  String get(StorageNode node, String path, int status) throws Exception {
    HttpResponse<String> response =
        http.send(
            HttpRequest.newBuilder(URI.create("http://" + node.httpAddress() + path)).build(),
            HttpResponse.BodyHandlers.ofString());
    assertEquals(status, response.statusCode(), response.body());
    return response.body();
  }

  static double metric(String page, String name) {
    return page.lines()
        .filter(l -> l.startsWith(name))
        .mapToDouble(l -> Double.parseDouble(l.substring(l.lastIndexOf(' '))))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no " + name + " in\n" + page));
  }

  static byte[] bytes(int blocks, long seed) {
    byte[] data = new byte[blocks * Frame.BLOCK_BYTES];
    new Random(seed).nextBytes(data);
    return data;
  }

  static String refusal(StorageNode node) throws Exception {
    ExecutionException refused =
        assertThrows(
            ExecutionException.class,
            () -> ShardCaller.await(node.serving().toCompletableFuture()));
    return refused.getCause().getMessage();
  }
}
