package io.cairn.bench.load;

import io.cairn.bench.chaos.Ports;
import io.cairn.client.cli.CommandFailure;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** Starts what is measured beside; what cannot be started is left out, and the reason is kept. */
final class Peers {
  private final Path work;
  private final long regionBytes;
  private final List<AutoCloseable> open;
  private final List<Target> started = new ArrayList<>();
  private final Map<String, String> skipped = new LinkedHashMap<>();

  /**
   * No peers yet.
   *
   * @param work a directory on the device to be measured.
   * @param open gets what must be closed.
   */
  Peers(Path work, long regionBytes, List<AutoCloseable> open) {
    this.work = work.toAbsolutePath();
    this.regionBytes = regionBytes;
    this.open = open;
  }

  /** Starts those that are named, and takes the exports of others. */
  void start(List<String> names, List<String> exports) {
    Ports ports = Ports.free();
    if (names.contains("nbdkit")) {
      add(
          "nbdkit-memory",
          () -> List.of(NbdTarget.nbdkitMemory(work, ports.base() + 1, regionBytes)));
    }
    if (names.contains("qemu-nbd")) {
      add("qemu-nbd", () -> qemuNbd(ports.base()));
    }
    if (names.contains("raw")) {
      add("raw-file", () -> List.of(new RawFileTarget(work.resolve("raw-file"))));
    }
    if (names.contains("ceph")) {
      CephTarget.missing()
          .ifPresentOrElse(
              reason -> skipped.put("ceph", reason),
              () ->
                  add(
                      "ceph",
                      () ->
                          List.of(
                              CephTarget.start(
                                  work.resolve("ceph"), ports.base() + 10, regionBytes))));
    }
    if (names.contains("tgt")) {
      add("tgt", () -> List.of(TgtTarget.start(work, ports.base() + 5, regionBytes, false)));
    }
    if (names.contains("tgt-direct")) {
      add("tgt-direct", () -> List.of(TgtTarget.start(work, ports.base() + 6, regionBytes, true)));
    }
    for (String export : exports) {
      ExportTarget target = ExportTarget.parse(export);
      add(target.name(), () -> List.of(target));
    }
  }

  /** Those that run. */
  List<Target> started() {
    return started;
  }

  /** Those that do not, with the reason. */
  Map<String, String> skipped() {
    return skipped;
  }

  private List<Target> qemuNbd(int basePort) {
    List<Target> both = new ArrayList<>();
    for (Row.Form form : List.of(Row.Form.CLOSED, Row.Form.ALWAYS)) {
      Path file = work.resolve("qemu-nbd-" + form + ".raw");
      try (var channel = new java.io.RandomAccessFile(file.toFile(), "rw")) {
        channel.setLength(regionBytes);
      } catch (IOException e) {
        throw new CommandFailure(file + " cannot be made: " + e.getMessage(), e);
      }
      both.add(NbdTarget.qemuNbd(work, basePort + 2 + form.ordinal(), file, form));
    }
    return both;
  }

  private void add(String name, Supplier<List<? extends Target>> start) {
    try {
      List<? extends Target> targets = start.get();
      started.addAll(targets);
      open.addAll(targets);
    } catch (RuntimeException e) {
      skipped.put(name, e.getMessage());
    }
  }
}
