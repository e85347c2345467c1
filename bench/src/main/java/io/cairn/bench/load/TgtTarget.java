package io.cairn.bench.load;

import io.cairn.bench.chaos.Tool;
import io.cairn.client.cli.CommandFailure;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** tgt of the distribution's package: one copy in a file, through the page cache or past it. */
final class TgtTarget implements Target {
  static final Tool TGTD = new Tool("tgtd", "tgt");
  static final Tool TGTADM = new Tool("tgtadm", "tgt");

  private static final String TARGET = "iqn.2026-11.io.cairn.bench:tgt";
  private static final int LUN = 1;
  private static final Duration CALL = Duration.ofSeconds(20);

  private final boolean direct;
  private final int port;
  private final String control;
  private final Tool.Running running;

  private TgtTarget(boolean direct, int port, String control, Tool.Running running) {
    this.direct = direct;
    this.port = port;
    this.control = control;
    this.running = running;
  }

  /**
   * Starts it with a file of the given size.
   *
   * @param directory on the device to be measured.
   * @param direct whether each request goes to the device, and none to the page cache.
   */
  static TgtTarget start(Path directory, int port, long sizeBytes, boolean direct) {
    Path file = directory.resolve(name(direct) + ".raw");
    try (var channel = new RandomAccessFile(file.toFile(), "rw")) {
      channel.setLength(sizeBytes);
    } catch (IOException e) {
      throw new CommandFailure(file + " cannot be made: " + e.getMessage(), e);
    }
    // Several may run on a machine: each has its own number, by which tgtadm finds it.
    String control = Integer.toString(port);
    Tool.Running running =
        TGTD.start(
            directory.resolve(name(direct) + ".out"),
            "--foreground",
            "--control-port",
            control,
            "--iscsi",
            "portal=127.0.0.1:" + port);
    try {
      NbdTarget.awaitServing("tgtd", port, running);
      admin(control, "--mode", "target", "--op", "new", "--tid", "1", "--targetname", TARGET);
      List<String> unit = new ArrayList<>(List.of("--mode", "logicalunit", "--op", "new"));
      unit.addAll(List.of("--tid", "1", "--lun", Integer.toString(LUN)));
      unit.addAll(List.of("--backing-store", file.toString()));
      if (direct) {
        unit.addAll(List.of("--bsoflags", "direct"));
      }
      admin(control, unit.toArray(String[]::new));
      admin(
          control, "--mode", "target", "--op", "bind", "--tid", "1", "--initiator-address", "ALL");
      return new TgtTarget(direct, port, control, running);
    } catch (RuntimeException e) {
      running.close();
      throw e;
    }
  }

  private static void admin(String control, String... words) {
    List<String> all = new ArrayList<>(List.of("--control-port", control));
    all.addAll(List.of("--lld", "iscsi"));
    all.addAll(List.of(words));
    TGTADM.run(CALL, all.toArray(String[]::new)).ok();
  }

  private static String name(boolean direct) {
    return direct ? "tgt-direct" : "tgt";
  }

  @Override
  public String name() {
    return name(direct);
  }

  @Override
  public String description() {
    return (direct
            ? "tgt on a file past the page cache (direct)"
            : "tgt on a file by the page cache (its default)")
        + ": one copy, durable at SYNCHRONIZE CACHE, or by FUA where the row says always";
  }

  @Override
  public boolean can(Row row) {
    return row.form() != Row.Form.PACED;
  }

  @Override
  public Optional<IscsiAddress> iscsi(Row row) {
    return Optional.of(new IscsiAddress(port, TARGET, LUN));
  }

  @Override
  public List<ProcessHandle> servers(Row row) {
    return List.of(running.handle());
  }

  @Override
  public void close() {
    // Told to end it takes its socket and its lock with it.
    try {
      admin(control, "--mode", "system", "--op", "update", "--name", "State", "-v", "offline");
      admin(control, "--mode", "target", "--op", "delete", "--force", "--tid", "1");
      admin(control, "--mode", "system", "--op", "delete");
    } finally {
      running.close();
    }
  }
}
