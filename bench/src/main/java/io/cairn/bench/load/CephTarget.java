package io.cairn.bench.load;

import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.Tool;
import io.cairn.client.cli.CommandFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Ceph from the distribution's packages: a monitor, three storage daemons with bluestore on files,
 * and an image of three copies behind qemu-nbd. It is made for the run and stopped at its end.
 */
final class CephTarget implements Target {
  static final Tool MON = new Tool("ceph-mon", "ceph-mon");
  static final Tool OSD = new Tool("ceph-osd", "ceph-osd");
  private static final Tool CEPH = new Tool("ceph", "ceph-common");
  private static final Tool RBD = new Tool("rbd", "ceph-common");
  private static final Tool MONMAPTOOL = new Tool("monmaptool", "ceph-common");

  /** Ports from the base on that it uses: monitor, daemons and qemu-nbd. */
  static final int PORTS = 30;

  private static final int DAEMONS = 3;
  private static final int GROUPS = 32;
  private static final String POOL = "load";
  private static final String IMAGE = "image";
  private static final String CLUSTER = "5f0c7a52-0f0e-4c1b-9c55-6b1d2c3e4f50";
  private static final Duration CALL = Duration.ofSeconds(60);

  private final Path directory;
  private final Path settings;
  private final int port;
  private final List<Tool.Running> running = new ArrayList<>();

  private CephTarget(Path directory, int basePort) {
    this.directory = directory;
    this.settings = directory.resolve("ceph.conf");
    this.port = basePort + PORTS - 1;
  }

  /** Says what is missing, if something is. */
  static Optional<String> missing() {
    for (Tool tool : List.of(MON, OSD, CEPH, RBD, MONMAPTOOL, Tool.QEMU_NBD)) {
      try {
        tool.path();
      } catch (RuntimeException e) {
        return Optional.of("not installed: " + e.getMessage());
      }
    }
    return Optional.empty();
  }

  /**
   * Makes a cluster and an image in it.
   *
   * @param directory a new one, on the device to be measured.
   * @param basePort lowest of {@link #PORTS}.
   */
  static CephTarget start(Path directory, int basePort, long sizeBytes) {
    CephTarget ceph = new CephTarget(directory, basePort);
    try {
      ceph.startMonitor(basePort);
      for (int daemon = 0; daemon < DAEMONS; daemon++) {
        ceph.startDaemon(daemon);
      }
      ceph.makeImage(sizeBytes);
      return ceph;
    } catch (IOException e) {
      ceph.close();
      throw new CommandFailure("ceph cannot be made: " + e.getMessage(), e);
    } catch (RuntimeException e) {
      ceph.close();
      throw e;
    }
  }

  private void startMonitor(int basePort) throws IOException {
    Files.createDirectories(directory.resolve("mon"));
    String address = "[v2:127.0.0.1:" + basePort + "/0]";
    Files.writeString(
        settings,
        """
        [global]
        fsid = %1$s
        mon host = %2$s
        public addr = 127.0.0.1
        ms bind port min = %3$d
        ms bind port max = %4$d
        auth cluster required = none
        auth service required = none
        auth client required = none
        osd pool default size = 3
        osd pool default min size = 2
        osd crush chooseleaf type = 0
        mon allow pool size one = false
        mon data = %5$s/mon
        osd data = %5$s/osd-$id
        bluestore block size = 10737418240
        run dir = %5$s
        admin socket = %5$s/$name.asok
        log file = %5$s/$name.log
        keyring = %5$s/keyring
        pid file = %5$s/$name.pid
        mgr initial modules =
        """
            .formatted(CLUSTER, address, basePort + 1, basePort + PORTS - 2, directory));
    String map = directory.resolve("monmap").toString();
    MONMAPTOOL.run(CALL, "--create", "--fsid", CLUSTER, "--addv", "a", address, map).ok();
    MON.run(CALL, "-c", settings.toString(), "--mkfs", "-i", "a", "--monmap", map).ok();
    run(MON, "mon", "-c", settings.toString(), "-i", "a", "-f");
    ceph("mon", "enable-msgr2");
  }

  private void startDaemon(int number) throws IOException {
    Files.createDirectories(directory.resolve("osd-" + number));
    String id = "5f0c7a52-0f0e-4c1b-9c55-00000000000" + number;
    ceph("osd", "new", id);
    List<String> arguments =
        List.of("-c", settings.toString(), "-i", Integer.toString(number), "--osd-uuid", id);
    List<String> make = new ArrayList<>(arguments);
    make.add("--mkfs");
    OSD.run(CALL, make.toArray(String[]::new)).ok();
    List<String> serve = new ArrayList<>(arguments);
    serve.add("-f");
    run(OSD, "osd-" + number, serve.toArray(String[]::new));
  }

  private void makeImage(long sizeBytes) {
    Await.until(
        "ceph's daemons are up",
        CALL,
        () -> ceph("osd", "stat").contains(DAEMONS + " up"),
        () -> ceph("osd", "tree"));
    String groups = Integer.toString(GROUPS);
    ceph("osd", "pool", "create", POOL, groups, groups);
    ceph("osd", "pool", "application", "enable", POOL, "rbd");
    RBD.run(
            CALL,
            "-c",
            settings.toString(),
            "create",
            POOL + "/" + IMAGE,
            "--size",
            (sizeBytes >> 20) + "M")
        .ok();
    Tool.Running server =
        run(
            Tool.QEMU_NBD,
            "qemu-nbd",
            "--persistent",
            "--shared=64",
            "--format=raw",
            "--bind=127.0.0.1",
            "--port=" + port,
            "--cache=none",
            String.format(Locale.ROOT, "rbd:%s/%s:conf=%s", POOL, IMAGE, settings));
    NbdTarget.awaitServing("qemu-nbd before ceph", port, server);
  }

  private Tool.Running run(Tool tool, String name, String... arguments) {
    Tool.Running started = tool.start(directory.resolve(name + ".out"), arguments);
    running.add(started);
    return started;
  }

  private String ceph(String... words) {
    List<String> arguments =
        new ArrayList<>(List.of("-c", settings.toString(), "--connect-timeout", "20"));
    arguments.addAll(List.of(words));
    return CEPH.run(CALL, arguments.toArray(String[]::new)).ok().output();
  }

  @Override
  public String name() {
    return "ceph";
  }

  @Override
  public String description() {
    return "Ceph RBD behind qemu-nbd: three daemons with bluestore on files, three copies, no cache"
        + " in the client, durable at each write";
  }

  @Override
  public boolean can(Row row) {
    return true;
  }

  @Override
  public List<String> fioArguments(Row row, long regionBytes) {
    return NbdTarget.fioArguments("nbd://127.0.0.1:" + port, row);
  }

  @Override
  public Optional<NbdAddress> address(Row row) {
    return Optional.of(new NbdAddress(port, ""));
  }

  /** The daemons and qemu-nbd. */
  @Override
  public List<ProcessHandle> servers(Row row) {
    return running.subList(1, running.size()).stream().map(Tool.Running::handle).toList();
  }

  @Override
  public List<ProcessHandle> metadata() {
    return List.of(running.getFirst().handle());
  }

  @Override
  public void close() {
    running.reversed().forEach(Tool.Running::close);
  }
}
