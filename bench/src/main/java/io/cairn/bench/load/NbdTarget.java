package io.cairn.bench.load;

import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.Tool;
import io.cairn.client.cli.CommandFailure;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** A server of one disk over NBD and TCP, which this run has started. */
final class NbdTarget implements Target {
  private static final Duration START = Duration.ofSeconds(20);
  private static final int CONNECT_MILLIS = 500;

  private final String name;
  private final String description;
  private final Row.Form form;
  private final int port;
  private final Tool.Running running;

  private NbdTarget(
      String name, String description, Row.Form form, int port, Tool.Running running) {
    this.name = name;
    this.description = description;
    this.form = form;
    this.port = port;
    this.running = running;
  }

  /** nbdkit with a disk in its memory: what the protocol alone costs. */
  static NbdTarget nbdkitMemory(Path directory, int port, long sizeBytes) {
    return nbdkitMemory(directory, port, sizeBytes, 16);
  }

  /**
   * The same.
   *
   * @param threads of each connection; 16 is nbdkit's default.
   */
  static NbdTarget nbdkitMemory(Path directory, int port, long sizeBytes, int threads) {
    return start(
        "nbdkit-memory",
        "nbdkit's memory plugin over TCP: one copy, nothing durable",
        Row.Form.CLOSED,
        port,
        Tool.NBDKIT,
        directory.resolve("nbdkit.out"),
        "--foreground",
        "--ipaddr=127.0.0.1",
        "--port=" + port,
        "--threads=" + threads,
        "memory",
        Long.toString(sizeBytes));
  }

  /** qemu-nbd on a raw file: past the page cache and, for ALWAYS, durable at each write. */
  static NbdTarget qemuNbd(Path directory, int port, Path file, Row.Form form) {
    boolean always = form == Row.Form.ALWAYS;
    return start(
        "qemu-nbd",
        "qemu-nbd on a raw file over TCP: one copy, O_DIRECT, durable at flush, or always where the"
            + " row says so",
        form,
        port,
        Tool.QEMU_NBD,
        directory.resolve("qemu-nbd-" + port + ".out"),
        "--persistent",
        "--shared=64",
        "--format=raw",
        "--bind=127.0.0.1",
        "--port=" + port,
        "--aio=threads",
        "--cache=" + (always ? "directsync" : "none"),
        file.toString());
  }

  private static NbdTarget start(
      String name,
      String description,
      Row.Form form,
      int port,
      Tool tool,
      Path output,
      String... arguments) {
    Tool.Running running = tool.start(output, arguments);
    try {
      awaitServing(name, port, running);
      return new NbdTarget(name, description, form, port, running);
    } catch (RuntimeException e) {
      running.close();
      throw e;
    }
  }

  /** Waits until the program listens; fails when it ends. */
  static void awaitServing(String name, int port, Tool.Running running) {
    Await.until(
        name + " serves",
        START,
        () -> isListening(port) || !running.isAlive(),
        running::outputSoFar);
    if (!running.isAlive()) {
      throw new CommandFailure(name + " ended: " + running.outputSoFar());
    }
  }

  private static boolean isListening(int port) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), CONNECT_MILLIS);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** Any export, for a row. */
  static List<String> fioArguments(String uri, Row row) {
    return List.of("--ioengine=nbd", "--uri=" + uri, "--iodepth=" + row.depth());
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String description() {
    return description;
  }

  @Override
  public boolean can(Row row) {
    return (row.form() == Row.Form.ALWAYS) == (form == Row.Form.ALWAYS);
  }

  @Override
  public List<String> fioArguments(Row row, long regionBytes) {
    return fioArguments("nbd://127.0.0.1:" + port, row);
  }

  @Override
  public Optional<NbdAddress> address(Row row) {
    return Optional.of(new NbdAddress(port, ""));
  }

  @Override
  public List<ProcessHandle> servers(Row row) {
    return List.of(running.handle());
  }

  @Override
  public void close() {
    running.close();
  }
}
