package io.cairn.bench.acceptance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.IscsiClient;
import io.cairn.bench.chaos.Member;
import io.cairn.bench.chaos.Program;
import io.cairn.bench.chaos.RunningCluster;
import io.cairn.bench.chaos.SecondGateway;
import io.cairn.bench.chaos.Signals;
import io.cairn.bench.chaos.Tool;
import io.cairn.bench.initiator.Initiator;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** Volumes of three replicas as iSCSI logical units, seen by the initiators that people have. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class IscsiIT {
  private static final Duration LIMIT = Duration.ofSeconds(240);
  private static final Path DOCUMENT = Path.of("..", "client-nbd", "docs", "iscsi-tests.md");

  private static final int RESERVATION_CONFLICT = 0x18;
  private static final int STANDBY = 0x02_040b;
  private static final int NOT_REACHABLE = 0x0a_0d02;

  @TempDir private static Path directory;

  private static RunningCluster cluster;

  @BeforeAll
  static void startsCluster() {
    cluster =
        RunningCluster.start(
            new RunningCluster.Settings(
                directory.resolve("cluster"), true, Map.of("disk", "128MiB", "tests", "128MiB")));
  }

  @AfterAll
  static void stopsCluster() {
    if (cluster != null) {
      cluster.close();
    }
  }

  private static String run(Tool tool, String... arguments) {
    return tool.run(LIMIT, arguments).ok().output();
  }

  private static void qemuIo(String uri, String... commands) {
    List<String> arguments = new ArrayList<>(List.of("-f", "raw"));
    for (String command : commands) {
      arguments.addAll(List.of("-c", command));
    }
    arguments.add(uri);
    String said = run(Tool.QEMU_IO, arguments.toArray(String[]::new));
    assertTrue(!said.contains("verification failed"), said);
  }

  @Test
  void libiscsiToolsSeeTheUnit() throws IOException {
    String targets = run(Tool.ISCSI_LS, "-s", "iscsi://127.0.0.1:" + cluster.iscsiPort());
    assertTrue(
        targets.contains(
            "Target:iqn.2026-11.io.cairn:disk Portal:127.0.0.1:"
                + cluster.iscsiPort()
                + ",1\n"
                + "Lun:0    Type:DIRECT_ACCESS"),
        targets);
    assertTrue(targets.contains("Target:iqn.2026-11.io.cairn:tests"), targets);
    String inquiry = run(Tool.ISCSI_INQ, cluster.iscsiUri("disk"));
    assertTrue(inquiry.contains("Vendor:CAIRN"), inquiry);
    String capacity = run(Tool.ISCSI_READCAPACITY16, cluster.iscsiUri("disk"));
    assertTrue(capacity.contains("Total size:134217728"), capacity);
    String protection = run(Tool.ISCSI_SWP, cluster.iscsiUri("disk"));
    assertTrue(protection.contains("SWP:0"), protection);
    onlyWhoIsAdmittedSeesTheUnit();
    libiscsiInThisProcessHasCommandsInFlight();
  }

  /** The client of {@code cairn load --protocol iscsi}. */
  private static void libiscsiInThisProcessHasCommandsInFlight() throws IOException {
    int depth = 8;
    int commands = 400;
    Deque<Integer> free = new ArrayDeque<>();
    AtomicInteger ended = new AtomicInteger();
    try (Initiator initiator =
        new Initiator(
            cluster.iscsiPort(),
            RunningCluster.iscsiTarget("disk"),
            0,
            depth,
            4096,
            slot -> {
              free.add(slot);
              ended.incrementAndGet();
            })) {
      for (int begun = 0; begun < commands; begun++) {
        if (begun >= depth) {
          while (free.isEmpty()) {
            initiator.await((int) LIMIT.toMillis());
          }
        }
        int slot = begun < depth ? begun : free.remove();
        long offset = begun % 64 * 4096L;
        if (begun < commands / 2) {
          initiator.write(slot, offset, 4096, begun % 10 == 0);
        } else {
          initiator.read(slot, offset, 4096);
        }
      }
      while (ended.get() < commands) {
        initiator.await((int) LIMIT.toMillis());
      }
    }
    IOException refused =
        assertThrows(
            IOException.class,
            () -> new Initiator(cluster.iscsiPort(), "iqn.none", 0, 1, 512, slot -> {}).close());
    assertTrue(refused.getMessage().contains("iqn.none"), refused::getMessage);
  }

  private static void onlyWhoIsAdmittedSeesTheUnit() {
    String admitted = "iqn.2026-11.test:admitted";
    String portal = "iscsi://127.0.0.1:" + cluster.iscsiPort();
    acl("add", "disk", admitted);
    try {
      assertTrue(!run(Tool.ISCSI_LS, portal).contains("cairn:disk"));
      assertTrue(run(Tool.ISCSI_LS, "-i", admitted, portal).contains("cairn:disk"));
      Tool.Result refused = Tool.ISCSI_INQ.run(LIMIT, cluster.iscsiUri("disk"));
      assertTrue(refused.exitCode() != 0, refused::toString);
      assertTrue(refused.output().contains("Authorization failure"), refused::toString);
      String inquiry = run(Tool.ISCSI_INQ, "-i", admitted, cluster.iscsiUri("disk"));
      assertTrue(inquiry.contains("Vendor:CAIRN"), inquiry);
    } finally {
      acl("clear", "disk");
    }
  }

  private static void acl(String verb, String... arguments) {
    List<String> line = new ArrayList<>(List.of("iscsi", "acl", verb));
    line.addAll(List.of(arguments));
    line.addAll(List.of("-o", "json", "--metadata", cluster.metadataAddresses()));
    assertNotNull(Program.ask(line.toArray(String[]::new)));
  }

  /** What goes in by iSCSI comes out by NBD, which is refused while the initiator is there. */
  @Test
  void qemuWritesOverIscsiWhatNbdReads() {
    String unit = cluster.iscsiUri("disk");
    qemuIo(
        unit,
        "write -P 0x11 0 1M",
        "write -P 0x22 4096 8192",
        "write -P 0x33 -f 512k 512",
        "write -z -u 64k 64k",
        "discard 256k 64k",
        "aio_write -P 0x44 66M 2M",
        "aio_flush",
        "read -P 0x22 4096 8192",
        "flush");
    Path output = directory.resolve("attached.out");
    // It says line by line what it did, and keeps the unit then.
    Tool lineByLine = new Tool("stdbuf", "coreutils");
    String qemuIo = Tool.QEMU_IO.path().toString();
    try (Tool.Running attached =
        lineByLine.start(
            output, "-oL", qemuIo, "-f", "raw", "-c", "read 0 512", "-c", "sleep 600000", unit)) {
      Await.until(
          "an initiator has the unit",
          LIMIT,
          () -> attached.outputSoFar().contains("read 512/512"),
          attached::outputSoFar);
      Tool.Result refused =
          Tool.QEMU_IO.run(LIMIT, "-f", "raw", "-c", "read 0 512", cluster.uri("disk"));
      assertTrue(refused.output().contains("disk is in use over iSCSI"), refused.toString());
    }
    qemuIo(
        cluster.uri("disk"),
        "read -P 0x11 0 4096",
        "read -P 0x22 4096 8192",
        "read -P 0 64k 64k",
        "read -P 0 256k 64k",
        "read -P 0x33 512k 512",
        "read -P 0x11 524800 512",
        "read -P 0x44 66M 2M");
    run(Tool.QEMU_IMG, "compare", "-f", "raw", "-F", "raw", unit, unit);
  }

  /** Logs in, and takes the unit attention that every new session hears. */
  private static IscsiClient login(String initiator, int port) throws IOException {
    return login(initiator, port, "disk");
  }

  private static IscsiClient login(String initiator, int port, String volume) throws IOException {
    IscsiClient client =
        new IscsiClient(
            new InetSocketAddress("127.0.0.1", port),
            initiator,
            1,
            "iqn.2026-11.io.cairn:" + volume,
            LIMIT);
    client.testUnitReady();
    return client;
  }

  /** From volume to volume, for an initiator that has logged in to both. */
  @Test
  void unitsCopyToEachOther() throws IOException {
    byte[] data = new byte[64 << 10];
    new Random(7).nextBytes(data);
    try (IscsiClient source = login("iqn.x:copy", cluster.iscsiPort());
        IscsiClient stranger = login("iqn.x:other", cluster.iscsiPort(), "tests")) {
      assertTrue(source.write(240_000, data).isGood());
      long naa = stranger.naa();
      assertEquals(NOT_REACHABLE, source.copy(240_000, naa, 8, 128).sense());
      try (IscsiClient target = login("iqn.x:copy", cluster.iscsiPort(), "tests")) {
        assertTrue(source.copy(240_000, naa, 8, 128).isGood());
        assertArrayEquals(data, target.read(8, data.length).data());
      }
    }
  }

  /**
   * Those of libiscsi's tests that it runs only when it is told to, as they erase the volume; two
   * of them want it to take long, which the document has.
   */
  @Test
  void libiscsiSanitizeTestsPass() {
    String unit = cluster.iscsiUri("tests");
    List<String> tests =
        List.of(
            "BlockErase",
            "BlockEraseReserved",
            "ExitFailureMode",
            "InvalidServiceAction",
            "OverwriteReserved",
            "Readonly",
            "Reservations");
    for (String test : tests) {
      String said =
          run(
              Tool.ISCSI_TEST_CU,
              "--test=SCSI.Sanitize." + test,
              "--dataloss",
              "--allow-sanitize",
              "--verbose",
              unit,
              unit);
      LibiscsiReport report = LibiscsiReport.of(said);
      assertEquals(Map.of(), report.failed(), said);
      // Two of them go through all kinds of SANITIZE, and say which one is not there.
      assertEquals(1, report.passed() + report.skipped().size(), said);
      assertTrue(
          report.skipped().values().stream().allMatch(why -> why.contains("CRYPTO_ERASE")), said);
    }
  }

  /** What is reserved is the metadata's: the gateway that knew it dies. */
  @Test
  void reservationOutlivesTheGateway() throws IOException {
    byte[] block = new byte[512];
    try (IscsiClient owner = login("iqn.x:owner", cluster.iscsiPort())) {
      assertTrue(owner.reserveOut(0, 0, 0, 0x77).isGood());
      assertTrue(owner.reserveOut(1, 5, 0x77, 0).isGood());
    }
    Member gateway = cluster.member("gateway-1");
    gateway.kill();
    gateway.restart();
    IscsiClient[] sessions = new IscsiClient[2];
    Await.until(
        "the gateway serves again",
        LIMIT,
        () -> {
          try {
            sessions[0] = login("iqn.x:other", cluster.iscsiPort());
            return true;
          } catch (IOException e) {
            return false;
          }
        });
    try (IscsiClient other = sessions[0];
        IscsiClient owner = login("iqn.x:owner", cluster.iscsiPort())) {
      assertEquals(RESERVATION_CONFLICT, other.write(250_000, block).status());
      assertTrue(other.read(250_000, 512).isGood(), "write exclusive");
      assertTrue(owner.write(250_000, block).isGood());
      assertEquals(0x77, ByteBuffer.wrap(owner.reserveIn(0).data()).getLong(8));
      assertTrue(owner.reserveOut(3, 0, 0x77, 0).isGood());
      assertTrue(other.write(250_000, block).isGood());
    }
  }

  /**
   * One unit through two gateways. The active one is killed, then the other one stands still, while
   * a host with a path through each of them writes: it hears of no error, and everything is there.
   */
  @Test
  @Order(Integer.MAX_VALUE)
  void standbyGatewayTakesTheUnitOver() throws IOException {
    List<InetSocketAddress> portals =
        List.of(
            new InetSocketAddress("127.0.0.1", cluster.iscsiPort()),
            new InetSocketAddress("127.0.0.1", cluster.secondIscsiPort()));
    Member first = cluster.member("gateway-1");
    try (Tool.Running second = SecondGateway.start(cluster, directory, true);
        MultipathClient host =
            new MultipathClient(portals, "iqn.x:host", "iqn.2026-11.io.cairn:disk", LIMIT)) {
      Await.until(
          "both portals are named",
          LIMIT,
          () ->
              run(Tool.ISCSI_LS, "iscsi://127.0.0.1:" + cluster.iscsiPort())
                  .contains("127.0.0.1:" + cluster.secondIscsiPort() + ",2"),
          second::outputSoFar);
      Written written = new Written(host);
      written.more(200);
      long generation = cluster.volume("disk").path("generation").asLong();
      try (IscsiClient standby = login("iqn.x:probe", cluster.secondIscsiPort())) {
        assertEquals(STANDBY, standby.testUnitReady().sense());
        assertEquals(STANDBY, standby.read(0, 512).sense());
        byte[] states = standby.targetPortGroups().data();
        assertEquals(0, states[4], "active");
        assertEquals(2, states[16], "standby");
        endFromOutside("iqn.x:probe");
        assertThrows(IOException.class, standby::testUnitReady);
      }
      try (IscsiClient standby = login("iqn.x:probe", cluster.secondIscsiPort())) {
        assertEquals(STANDBY, standby.testUnitReady().sense());
        assertEquals(generation, cluster.volume("disk").path("generation").asLong());
        first.kill();
        written.more(200);
        assertEquals("gateway-2", cluster.volume("disk").path("owner").path("gateway").asText());
      }
      first.restart();
      Signals.stop(second.handle());
      try {
        written.more(200);
      } finally {
        Signals.send("CONT", List.of(second.handle()));
      }
      written.more(200);
      written.verify();
      System.out.printf(
          "  failover between gateways: longest request %.1f s, %d changes of path%n",
          host.longestSeconds(), host.switches());
      second.handle().destroy();
    }
  }

  /** Ends an initiator's session as an operator does, and waits until it is gone. */
  private static void endFromOutside(String initiator) {
    String[] session = new String[1];
    Await.until(
        "the session is listed",
        LIMIT,
        () -> (session[0] = sessionOf(initiator)) != null,
        () -> String.valueOf(sessions()));
    assertTrue(session[0].startsWith("gateway-2/"), session[0]);
    Program.ask(
        "iscsi",
        "session",
        "end",
        session[0],
        "-o",
        "json",
        "--metadata",
        cluster.metadataAddresses());
    Await.until("the session has ended", LIMIT, () -> sessionOf(initiator) == null);
  }

  private static JsonNode sessions() {
    return Program.ask(
        "iscsi", "session", "ls", "-o", "json", "--metadata", cluster.metadataAddresses());
  }

  private static String sessionOf(String initiator) {
    JsonNode all = sessions();
    if (all != null) {
      for (JsonNode one : all) {
        if (one.path("initiator").asText().equals(initiator)) {
          return one.path("session").asText();
        }
      }
    }
    return null;
  }

  /** Blocks, each with the number of its last write. */
  private record Written(MultipathClient host, int[] numbers, int[] last) {
    Written(MultipathClient host) {
      this(host, new int[64], new int[1]);
    }

    private static long place(int block) {
      return 200_000 + block * 8L;
    }

    private static byte[] bytes(int block, int number) {
      ByteBuffer bytes = ByteBuffer.allocate(4096);
      while (bytes.hasRemaining()) {
        bytes.putInt(block).putInt(number);
      }
      return bytes.array();
    }

    void more(int count) {
      for (int i = 0; i < count; i++) {
        int number = ++last[0];
        int block = number * 37 % numbers.length;
        host.write(place(block), bytes(block, number));
        numbers[block] = number;
      }
    }

    void verify() {
      for (int block = 0; block < numbers.length; block++) {
        assertArrayEquals(bytes(block, numbers[block]), host.read(place(block), 4096));
      }
    }
  }

  /**
   * All of libiscsi's tests, with two sessions where a test wants two paths, while a replica dies
   * and comes back: only what the document lists does not pass.
   */
  @Test
  void libiscsiTestsPassWhileReplicaDies() throws IOException {
    String unit = cluster.iscsiUri("tests");
    Path output = directory.resolve("libiscsi.out");
    Member node = cluster.member("storage-2");
    try (Tool.Running running =
        Tool.ISCSI_TEST_CU.start(output, "--test=ALL", "--dataloss", "--verbose", unit, unit)) {
      Await.until(
          "the tests are under way",
          LIMIT,
          () -> running.outputSoFar().contains("Suite: Inquiry"),
          running::outputSoFar);
      node.kill();
      node.restart();
      LibiscsiReport report = LibiscsiReport.of(running.await(LIMIT).output());
      Map<String, String> notPassed = new TreeMap<>();
      report.skipped().keySet().forEach(test -> notPassed.put(test, "skipped"));
      report.failed().keySet().forEach(test -> notPassed.put(test, "fails"));
      System.out.printf(
          "  libiscsi: %d passed, %d skipped, %d failed%n",
          report.passed(), report.skipped().size(), report.failed().size());
      assertEquals(LibiscsiReport.documented(DOCUMENT), notPassed, report.toString());
    }
  }
}
