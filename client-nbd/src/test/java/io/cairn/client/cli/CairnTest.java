package io.cairn.client.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.cairn.metadata.command.Command.AcquireVolume;
import io.cairn.metadata.command.Command.AllocateChunks;
import io.cairn.metadata.command.Command.RaiseLevel;
import io.cairn.metadata.command.Command.RegisterNode;
import io.cairn.metadata.command.Command.UpdateReplicas;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.release.Release;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CairnTest {
  private final MachineMetadata metadata = new MachineMetadata().withNodes(3);

  @Test
  void createAnswersWithTheVolumeAndItsDefaults() {
    JsonNode volume = run("volume", "create", "v", "--size", "10GiB", "-o", "json").json();
    assertEquals("v", volume.get("name").asText());
    assertEquals(10L << 30, volume.get("sizeBytes").asLong());
    assertEquals(64 << 20, volume.get("chunkSizeBytes").asInt());
    assertEquals(3, volume.get("replicas").asInt());
    assertEquals(2, volume.get("minInSync").asInt());
    assertEquals("flush", volume.get("durability").asText());
    assertEquals(0, volume.get("generation").asLong());
    assertTrue(volume.get("owner").isNull());
    assertEquals(0, volume.get("health").get("chunks").asLong());
  }

  @Test
  void createTakesEveryOption() {
    String options =
        "volume create v --size 1GiB --replicas 2 --min-in-sync 2 --chunk-size 4MiB"
            + " --durability always -o json";
    JsonNode volume = run(options.split(" ")).json();
    assertEquals(2, volume.get("replicas").asInt());
    assertEquals(2, volume.get("minInSync").asInt());
    assertEquals(4 << 20, volume.get("chunkSizeBytes").asInt());
    assertEquals("always", volume.get("durability").asText());
  }

  @Test
  void showSaysChunkStatesGenerationAndOwner() {
    run("volume", "create", "v", "--size", "1GiB").succeeds();
    metadata.apply(new AcquireVolume("v", "gateway-1", 0xabcL, "10.0.1.1:10809", -1));
    Reply.Chunks chunks =
        (Reply.Chunks) metadata.apply(new AllocateChunks(1, 1, 0, List.of(0, 1, 2), ""));
    ChunkRecord first = chunks.chunks().getFirst();
    metadata.apply(
        new UpdateReplicas(
            1,
            1,
            List.of(
                new UpdateReplicas.Change(
                    0,
                    0,
                    first.epoch(),
                    first.replicas().getFirst().nodeId(),
                    ReplicaState.SYNCING))));
    JsonNode volume = run("volume", "show", "v", "-o", "json").json();
    assertEquals(
        "{\"chunks\":3,\"inSync\":2,\"degraded\":0,\"syncing\":1,\"unavailable\":0}",
        volume.get("health").toString());
    assertEquals(1, volume.get("generation").asLong());
    assertEquals(
        "{\"gateway\":\"gateway-1\",\"instance\":\"abc\",\"address\":\"10.0.1.1:10809\"}",
        volume.get("owner").toString());

    metadata.down.add(1L);
    metadata.down.add(2L);
    JsonNode health = run("volume", "show", "v", "-o", "json").json().get("health");
    assertEquals(3, health.get("unavailable").asLong());
    assertTrue(run("volume", "show", "v").succeeds().out().contains("state       unavailable"));
  }

  @Test
  void resizeGrowsAndRefusesToShrink() {
    run("volume", "create", "v", "--size", "1GiB").succeeds();
    assertEquals("volume v is 2GiB now\n", run("volume", "resize", "v", "--size", "2GiB").out());
    run("volume", "resize", "v", "--size", "1GiB")
        .fails(1, "cairn: size 1073741824 is below the present 2147483648: volumes grow only");
  }

  @Test
  void removeRefusesAnAttachedVolumeUnlessForced() {
    run("volume", "create", "v", "--size", "1GiB").succeeds();
    metadata.apply(new AcquireVolume("v", "gateway-1", 1, "10.0.1.1:10809", -1));
    run("volume", "rm", "v")
        .fails(
            1, "cairn: volume v is attached by gateway gateway-1; detach it or delete with force");
    assertTrue(run("volume", "rm", "v", "--force", "-o", "json").json().get("deleted").asBoolean());
    run("volume", "show", "v")
        .fails(1, "cairn: there is no volume v; 'cairn volume ls' lists them");
  }

  @Test
  void listsAreTablesForPeopleAndArraysForPrograms() {
    assertEquals("[ ]\n", run("volume", "ls", "-o", "json").out());
    run("volume", "create", "a", "--size", "1GiB").succeeds();
    run("volume", "create", "long-name", "--size", "512MiB", "--replicas", "1").succeeds();
    assertEquals(
        """
        NAME         SIZE  REPLICAS  DURABILITY  STATE    CHUNKS  IN SYNC  OWNER
        a            1GiB         3  flush       healthy       0        0  -
        long-name  512MiB         1  flush       healthy       0        0  -
        """,
        run("volume", "ls").out());
    assertEquals(2, run("volume", "ls", "-o", "json").json().size());
    assertEquals(
        """
        ID  NAME       STATE  ADDRESS        PLACE  USED   FREE  JOURNAL  REPLICAS  DEVICES  SEEN
         1  storage-1  up     10.0.0.1:7200  z1/h1  1GiB  10GiB      25%         0  -        0s ago
         2  storage-2  up     10.0.0.2:7200  z2/h2  1GiB  10GiB      25%         0  -        0s ago
         3  storage-3  up     10.0.0.3:7200  z3/h3  1GiB  10GiB      25%         0  -        0s ago
        """,
        run("node", "ls").out());
    assertEquals("storage-1", run("node", "ls", "-o", "json").json().get(0).get("name").asText());
  }

  @Test
  void statusShowsTheClusterAndItsWorstCondition() {
    run("volume", "create", "v", "--size", "1GiB").succeeds();
    JsonNode status = run("status", "-o", "json").json();
    assertEquals("ca1", status.get("clusterId").asText());
    assertEquals("healthy", status.get("state").asText());
    assertEquals(3, status.get("nodes").size());
    assertEquals(1, status.get("volumes").size());
    assertTrue(status.get("metadata").get(1).get("leader").asBoolean());
    assertEquals("ffffffffffffffff", status.get("gateways").get(0).get("instance").asText());
    metadata.down.add(2L);
    String text = run("status").succeeds().out();
    assertTrue(text.contains("state     degraded\n"), text);
    assertTrue(text.contains("nodes     2 of 3 up\n"), text);
    assertTrue(text.contains("10.0.2.2:7101 (leader)"), text);
  }

  @Test
  void anUpgradeIsShownAndFinalizedOnlyWhenEverybodyIsNew() {
    assertTrue(!run("status").succeeds().out().contains("release"));
    run("upgrade")
        .fails(
            1,
            "cairn: the metadata leader is of a release that does not know of upgrades; restart"
                + " the metadata servers from the new release first");
    metadata.releases = releases("1.1.0", 1);
    assertTrue(
        run("status").succeeds().out().contains("release   1.1.0, 1.2.0, level 1; an upgrade to"));
    assertTrue(run("upgrade").succeeds().out().matches("(?s).*storage +n1 +1\\.1\\.0 +1\n.*"));
    run("upgrade", "--finalize")
        .fails(1, "cairn: not yet: storage n1 runs 1.1.0; level 2 needs a newer one");
    metadata.releases = releases(null, 0);
    run("upgrade", "--finalize")
        .fails(
            1,
            "cairn: storage n1 did not say lately which release it runs: it is down, or too old"
                + " to; start it from the new release, or remove it");
    metadata.releases = releases("1.2.0", 2);
    run("upgrade", "--finalize").succeeds();
    assertEquals(2, metadata.machine.state().level());
    JsonNode status = run("status", "-o", "json").json();
    assertEquals("1.2.0", status.at("/releases/servers/1/release").asText());
  }

  private static Reply.Releases releases(String ofStorage, int level) {
    return new Reply.Releases(
        1,
        List.of(
            new Reply.ServerRelease("metadata", "10.0.2.1:7101", "1.2.0", 2, null),
            new Reply.ServerRelease("storage", "n1", ofStorage, level, null)));
  }

  @Test
  void devicesOfNodesAreShownWithWhatIsWrong() {
    assertTrue(run("node", "show", "1").succeeds().out().startsWith("node      storage-1 (1)\n"));
    metadata.devices =
        List.of(
            new Query.NodeDevice("cache", "/nvme0", "good", null, List.of(0, 1)),
            new Query.NodeDevice(
                "capacity", "/disk0", "failed", "sync: Input/output error", List.of(0)),
            new Query.NodeDevice("capacity", "/disk1", "good", null, List.of(1)));
    metadata.shardReplicas = List.of(3L, 4L);
    assertTrue(run("node", "ls").succeeds().out().contains(" 1 failed, 2 good "));
    String shown = run("node", "show", "storage-2").succeeds().out();
    assertTrue(
        shown.contains("capacity  /disk0     failed         3  sync: Input/output error\n"), shown);
    String line = "/disk0 failed, 3 replicas are still on it";
    assertTrue(shown.contains(line + "; to replace it put an empty one"), shown);
    assertTrue(run("status").succeeds().out().contains("device    storage-1: " + line + "\n"));
    metadata.shardReplicas = List.of(0L, 7L);
    shown = run("node", "show", "storage-2").succeeds().out();
    assertTrue(shown.contains("/disk0 failed, nothing on it counts any more: it may"), shown);
    JsonNode json = run("node", "show", "storage-2", "-o", "json").json();
    assertEquals(2, json.path("id").asInt());
    assertEquals("failed", json.at("/devices/1/state").asText());
    assertTrue(json.at("/devices/0/reason").isNull());
    assertEquals(7, json.at("/devices/0/replicas").asInt());
    assertEquals(1, json.at("/devices/2/shards/0").asInt());
    run("node", "show", "nobody")
        .fails(1, "cairn: there is no node nobody; 'cairn node ls' lists them");
  }

  @Test
  void whatVolumesWaitForAndWhatNodesLackIsShown() {
    run("volume", "create", "v", "--size", "1GiB").succeeds();
    run("volume", "create", "w", "--size", "1GiB").succeeds();
    assertTrue(!run("status").succeeds().out().contains("waiting"));
    metadata.waits = List.of(new Query.VolumeWait("v", 12, "chunk 3 waits: node 2 is full"));
    metadata.trouble = "shard 0 has no room: No space left on device";
    String status = run("status").succeeds().out();
    String wait = "for 12 s: chunk 3 waits: node 2 is full\n";
    assertTrue(status.contains("waiting   volume v " + wait), status);
    assertTrue(status.contains("trouble   storage-1: shard 0 has no room"), status);
    assertTrue(run("volume", "show", "v").succeeds().out().contains("waiting     " + wait));
    assertTrue(!run("volume", "show", "w").succeeds().out().contains("waiting"));
    JsonNode json = run("status", "-o", "json").json();
    assertEquals(12, json.at("/gateways/0/waits/0/seconds").asInt());
    assertEquals(metadata.trouble, json.at("/nodes/0/trouble").asText());
    JsonNode shown = run("volume", "show", "v", "-o", "json").json();
    assertEquals("chunk 3 waits: node 2 is full", shown.at("/waits/0/reason").asText());
  }

  @Test
  void aNodeIsRemovedByNameOnceItIsDown() {
    run("node", "rm", "storage-2")
        .fails(1, "cairn: node storage-2 is up; stop its process before you remove it");
    metadata.down.add(2L);
    assertEquals("removed node 2 storage-2\n", run("node", "rm", "storage-2").out());
    run("node", "rm", "2").fails(1, "cairn: there is no node 2; 'cairn node ls' lists them");
  }

  @Test
  void aDrainWaitsUntilTheNodeHasNoReplicaAndCanBeTakenBack() {
    metadata.apply(
        new RegisterNode(
            MachineMetadata.CLUSTER_ID,
            4,
            4,
            "storage-4",
            "10.0.0.4",
            7200,
            "z4",
            "",
            "h4",
            1,
            1,
            1));
    JsonNode drained = run("node", "drain", "storage-4", "-o", "json").json();
    assertTrue(drained.get("drained").asBoolean(), drained.toString());
    assertEquals("drained", run("node", "ls", "-o", "json").json().at("/3/departure").asText());
    assertTrue(run("node", "ls").out().contains("up, leaves"));
    assertEquals(
        "node storage-4 stays\n", run("node", "drain", "storage-4", "--cancel").succeeds().out());
    assertTrue(run("node", "ls", "-o", "json").json().at("/3/departure").isNull());
    volumeOnThreeNodes();
    assertEquals(
        "node storage-1 gives its replicas to others\n",
        run("node", "drain", "storage-1", "--no-wait").succeeds().out());
  }

  @Test
  void aDrainThatCouldNeverEndIsRefused() {
    volumeOnThreeNodes();
    run("node", "drain", "1")
        .fails(
            1, "cairn: volume v keeps 3 replicas and 2 nodes would stay; add a node, or force it");
    assertTrue(run("node", "ls", "-o", "json").json().at("/0/departure").isNull());
  }

  @Test
  void aFlushOfTheCacheIsOnRecordUntilItIsEnded() {
    metadata.flushLeftBytes = 0L;
    JsonNode flushed = run("node", "flush-cache", "storage-2", "-o", "json").json();
    assertTrue(flushed.get("flushed").asBoolean(), flushed.toString());
    JsonNode listed = run("node", "ls", "-o", "json").json();
    assertTrue(listed.at("/1/flushing").asBoolean());
    assertEquals(0, listed.at("/1/flushLeftBytes").asLong());
    assertFalse(listed.at("/0/flushing").asBoolean());
    metadata.flushLeftBytes = 3L << 20;
    assertTrue(run("node", "ls").out().contains("up, flush: 3MiB left"));
    assertTrue(
        run("status")
            .out()
            .contains("flushing  storage-2: 3MiB left; destaged at once until 'cairn node flush"));
    assertEquals(
        "node storage-2 destages as usual again\n",
        run("node", "flush-cache", "2", "--end").succeeds().out());
    assertFalse(run("node", "ls", "-o", "json").json().at("/1/flushing").asBoolean());
    assertEquals(2, run("node", "flush-cache", "2", "--end", "--no-wait").exitCode());
  }

  @Test
  void eventsAreShownOnceAllServersKeepThem() {
    assertTrue(run("events").err().contains("cairn upgrade --finalize"));
    metadata.apply(new RaiseLevel(Release.LEVEL_OF_EVENTS));
    for (int i = 0; i < 250; i++) {
      run("volume", "create", "many-" + i, "--size", "1GiB").succeeds();
    }
    JsonNode events = run("events", "-o", "json").succeeds().json();
    assertEquals(251, events.size());
    assertEquals("volume-created", events.at("/250/kind").asText());
    assertEquals("many-249", events.at("/250/subject").asText());
    assertTrue(
        run("events").out().contains("Volume many-7 was created, with 1GiB and 3 replicas."));
    assertEquals("[ ]\n", run("events", "--since", "1h", "-o", "json").succeeds().out());
    assertEquals(251, run("events", "--since", "1969-12-31T00:00:00Z", "-o", "json").json().size());
    assertEquals(2, run("events", "--since", "yesterday").exitCode());
  }

  @Test
  void theSizeOfACacheIsOnRecordUntilItIsAsConfiguredAgain() {
    metadata.apply(new RaiseLevel(Release.LEVEL_OF_CACHE_SIZES));
    assertEquals(
        "node storage-2 is to have 1 shard with a journal of 1GiB and a read cache as configured\n",
        run("node", "resize-cache", "storage-2", "--journal", "1GiB").succeeds().out());
    JsonNode both =
        run("node", "resize-cache", "2", "--read-cache", "2GiB", "-o", "json").succeeds().json();
    assertEquals(1L << 30, both.get("wantedJournalBytes").asLong());
    assertEquals(2L << 30, both.get("wantedReadCacheBytes").asLong());
    assertTrue(
        run("node", "show", "2")
            .out()
            .contains("wanted    1 shard with a journal of 1GiB and a read cache of 2GiB"));
    assertTrue(run("node", "show", "1", "-o", "json").json().get("wantedJournalBytes").isNull());
    assertEquals(2, run("node", "resize-cache", "2").exitCode());
    run("node", "resize-cache", "2", "--journal", "1MiB")
        .fails(1, "cairn: a journal of 1048576 bytes is outside 16MiB to 1TiB");
    run("node", "resize-cache", "2", "--as-configured").succeeds();
    JsonNode none = run("node", "show", "2", "-o", "json").json();
    assertTrue(none.get("wantedJournalBytes").isNull());
    assertTrue(none.get("wantedReadCacheBytes").isNull());
  }

  @Test
  void aFlushThatTakesLongerThanSomebodyWaitsGoesOn() {
    run("node", "flush-cache", "1", "--wait", "0")
        .fails(
            1,
            "cairn: node storage-1 is not flushed after 0 (not begun); the flush goes on: run the"
                + " command again to wait on");
    assertTrue(run("node", "ls", "-o", "json").json().at("/0/flushing").asBoolean());
    assertEquals(
        "node storage-1 destages its journals\n",
        run("node", "flush-cache", "1", "--no-wait").succeeds().out());
  }

  @Test
  void theNumberOfReplicasIsSet() {
    run("volume", "create", "v", "--size", "1GiB").succeeds();
    assertEquals(
        "volume v keeps 2 replicas now, writes need 1, cache mode write-back\n",
        run("volume", "set", "v", "--replicas", "2").succeeds().out());
    run("volume", "set", "v", "--replicas", "4")
        .fails(1, "cairn: 4 replicas need as many nodes, and there are 3; add nodes first");
    JsonNode set =
        run("volume", "set", "v", "--replicas", "3", "--min-in-sync", "3", "-o", "json").json();
    assertEquals(3, set.get("minInSync").asInt());
    assertEquals(2, run("volume", "set", "v").exitCode());
  }

  @Test
  void cacheModesAreSetOnceAllServersKnowThem() {
    run("volume", "create", "v", "--size", "1GiB").succeeds();
    run("volume", "set", "v", "--cache-mode", "write-through")
        .fails(
            1,
            "cairn: cache modes and pins need level 2 and the cluster is at 1: when all servers"
                + " are new, end the upgrade with 'cairn upgrade --finalize'");
    metadata.apply(new RaiseLevel(2));
    assertEquals(
        "volume v keeps 3 replicas now, writes need 2, cache mode write-through\n",
        run("volume", "set", "v", "--cache-mode", "write-through").succeeds().out());
    run("volume", "create", "w", "--size", "1GiB", "--cache-mode", "write-around").succeeds();
    JsonNode volumes = run("volume", "ls", "-o", "json").json();
    assertEquals("write-through", volumes.at("/0/cacheMode").asText());
    assertEquals("write-around", volumes.at("/1/cacheMode").asText());
    assertTrue(run("volume", "show", "w").succeeds().out().contains("cache mode  write-around\n"));
    assertEquals(2, run("volume", "set", "v", "--cache-mode", "writeback").exitCode());
    assertEquals(
        "volume v keeps 3 replicas now, writes need 2, cache mode write-through, pinned\n",
        run("volume", "set", "v", "--pin", "on").succeeds().out());
    assertTrue(run("volume", "show", "v", "-o", "json").json().get("pinned").asBoolean());
    run("volume", "set", "w", "--pin", "on")
        .fails(1, "cairn: volume w cannot be pinned to the read caches in mode write-around");
    assertTrue(run("volume", "show", "v").succeeds().out().contains("write-through, pinned\n"));
    run("volume", "set", "v", "--pin", "off").succeeds();
    assertEquals(2, run("volume", "set", "v", "--pin", "maybe").exitCode());
  }

  private void volumeOnThreeNodes() {
    run("volume", "create", "v", "--size", "1GiB").succeeds();
    metadata.apply(new AcquireVolume("v", "gateway-1", 1, "10.0.1.1:10809", -1));
    metadata.apply(new AllocateChunks(1, 1, 0, List.of(0), ""));
  }

  @Test
  void aVolumeThatWantsMoreReplicasThanThereAreNodesIsMadeWithANote() {
    metadata.down.add(1L);
    metadata.down.add(2L);
    CommandRun run = run("volume", "create", "v", "--size", "1GiB").succeeds();
    assertEquals(
        "cairn: note: volume v wants 3 replicas and 1 node is up: its first write waits for more"
            + " nodes; --replicas 1 would not\n",
        run.err());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "volume create v|Missing required option: '--size=S'",
        "volume create --size 1GiB|Missing required parameter: 'NAME'",
        "volume create v --size 10GB|Invalid value for option '--size': '10GB' is not a size",
        "volume create v --size 1GiB --replicas 0|--replicas 0 is below 1",
        "volume create v --size 1GiB --durability maybe|Invalid value for option '--durability'",
        "volume ls -o yaml|Invalid value for option '--output'",
        "volume ls --metadata nowhere|--metadata 'nowhere': 'nowhere' is not HOST:PORT",
        "volume ls --metadata a:1,b:70000|port 70000 is outside 0 to 65535",
        "volume ls --timeout 0|--timeout 0 is outside 1 to 3600",
        "volume frobnicate|Unmatched argument",
        "volume|Missing required subcommand",
        "'' |Missing required subcommand",
        "frobnicate|Unmatched argument",
      })
  void wrongUsageIsOneLineAndExitCode2(String arguments, String expected) {
    CommandRun run = run(arguments.isBlank() ? new String[0] : arguments.split(" "));
    assertEquals(2, run.exitCode(), run.err());
    assertTrue(run.err().contains(expected), run.err());
    assertEquals(1, run.err().lines().count(), run.err());
    assertTrue(run.err().startsWith("cairn: "), run.err());
    assertEquals("", run.out());
  }

  @Test
  void theClusterIsTheOptionElseTheVariableElseTheDevClusters() {
    List<List<String>> asked = new ArrayList<>();
    MetadataConnector connector =
        (addresses, deadline) -> {
          asked.add(addresses);
          return metadata;
        };
    Cairn bare = new Cairn(connector, Map.of());
    Cairn withVariable = new Cairn(connector, Map.of("CAIRN_METADATA", "m1:1, m2:2"));
    CommandRun.of(bare, "status").succeeds();
    CommandRun.of(withVariable, "status").succeeds();
    CommandRun.of(withVariable, "status", "--metadata", "m3:3").succeeds();
    assertEquals(
        List.of(
            List.of("127.0.0.1:7101", "127.0.0.1:7102", "127.0.0.1:7103"),
            List.of("m1:1", "m2:2"),
            List.of("m3:3")),
        asked);
    CommandRun.of(new Cairn(connector, Map.of("CAIRN_METADATA", "m1")), "status")
        .fails(
            2,
            "cairn: CAIRN_METADATA 'm1': 'm1' is not HOST:PORT; 'cairn status --help' says how it"
                + " is used");
  }

  @Test
  void silenceIsOneLineAndAStackTraceOnlyWhenAsked() {
    metadata.silent = true;
    String line =
        "cairn: the metadata group did not answer within 10 s; are a majority of the metadata"
            + " servers up?";
    run("volume", "ls").fails(1, line);
    run("volume", "rm", "v")
        .fails(
            1,
            "cairn: the metadata group did not answer within 10 s; whether it was done is not"
                + " known: look before doing it again");
    assertTrue(run("volume", "ls", "--debug").err().contains("\tat "));
    Cairn debugged = new Cairn((addresses, deadline) -> metadata, Map.of("CAIRN_DEBUG", "1"));
    assertTrue(CommandRun.of(debugged, "volume", "ls").err().contains("\tat "));
  }

  @Test
  void aBugIsOneLineToo() {
    Cairn broken =
        new Cairn(
            (addresses, deadline) -> {
              throw new IllegalStateException("of two\nlines");
            },
            Map.of());
    CommandRun.of(broken, "status")
        .fails(1, "cairn: java.lang.IllegalStateException: of two lines; --debug shows more");
  }

  @ParameterizedTest
  @CsvSource({"--help", "volume --help", "volume create --help", "node drain -h", "status -h"})
  void helpIsOnStdout(String arguments) {
    CommandRun run = run(arguments.split(" ")).succeeds();
    assertTrue(run.out().startsWith("Usage: cairn"), run.out());
    assertFalse(run.out().contains("--debug"), run.out());
    assertEquals("", run.err());
  }

  private CommandRun run(String... arguments) {
    return CommandRun.of(metadata, arguments);
  }
}
