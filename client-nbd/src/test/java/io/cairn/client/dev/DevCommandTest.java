package io.cairn.client.dev;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.cli.Cairn;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** What {@code cairn dev} refuses before it starts anything. */
class DevCommandTest {
  @TempDir Path directory;
  private final StringWriter err = new StringWriter();

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--nodes 0|--nodes 0 is outside 1 to 20",
        "--nodes 21|--nodes 21 is outside 1 to 20",
        "--nodes many|Invalid value for option '--nodes'",
        "--base-port 65535|--base-port 65535 is outside 1 to 65474",
        "--nbd 10809|--nbd: '10809' is not HOST:PORT",
        "--nbd 127.0.0.1:0|--nbd '127.0.0.1:0': the port must be from 1 to 65535",
        "--volume vol0|--volume vol0: 'vol0' is not NAME:SIZE, like vol0:1GiB",
        "--volume vol0:1GB|--volume vol0:1GB: '1GB' is not a size",
      })
  void wrongUsageIsOneLineAndTouchesNothing(String arguments, String expected) throws IOException {
    assertEquals(2, run(arguments.split(" ")));
    assertOneLine("cairn: " + expected);
    try (var files = Files.list(directory)) {
      assertEquals(0, files.count());
    }
  }

  @Test
  void aBusyPortIsNamedWithWhatItIsFor() throws IOException {
    try (ServerSocket busy = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"))) {
      String address = "127.0.0.1:" + busy.getLocalPort();
      // The other ports must be free, also of outgoing connections: any fixed one may be in use.
      String base = Integer.toString(TrainCommand.freeLayout(directory).basePort());
      assertEquals(1, run("--base-port", base, "--nbd", address));
      assertOneLine(
          "cairn: "
              + address
              + ", nbd.address of gateway-1, cannot be listened on: Address already");
      assertTrue(err.toString().contains("choose another --nbd"), err.toString());
    }
  }

  @Test
  void aDirectoryInUseIsNamedWithItsHolder() throws IOException {
    try (DevLock lock = DevLock.take(directory)) {
      assertEquals(1, run());
      assertOneLine(
          "cairn: "
              + directory
              + " is in use by another cairn dev, process "
              + ProcessHandle.current().pid());
      assertTrue(lock.channel().isOpen());
    }
  }

  @Test
  void aDirectoryKeepsItsPortsAndItsNodes() throws IOException {
    new DevSettings(5, 9000).record(directory);
    assertEquals(1, run("--base-port", "9100"));
    assertOneLine("cairn: " + directory + " was made with --base-port 9000");
    err.getBuffer().setLength(0);
    assertEquals(1, run("--nodes", "4"));
    assertOneLine("cairn: " + directory + " was made with --nodes 5");
  }

  @Test
  void aDirectoryThatIsAFileIsRefused() throws IOException {
    Path file = Files.writeString(directory.resolve("file"), "");
    CommandLine line = line();
    assertEquals(1, line.execute("dev", "--data", file.toString()));
    assertOneLine("cairn: " + file + " cannot be used");
  }

  private int run(String... arguments) {
    List<String> all = new ArrayList<>(List.of("dev", "--data", directory.toString()));
    all.addAll(List.of(arguments));
    return line().execute(all.toArray(String[]::new));
  }

  private CommandLine line() {
    CommandLine line = Cairn.commandLine();
    Cairn.add(line, new DevCommand());
    line.setErr(new PrintWriter(err));
    return line;
  }

  private void assertOneLine(String start) {
    assertTrue(err.toString().startsWith(start), err.toString());
    assertEquals(1, err.toString().lines().count(), err.toString());
    assertFalse(err.toString().contains("Exception"), err.toString());
  }
}
