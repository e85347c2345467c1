package io.cairn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** What cannot be played is refused before anything is started. */
class ChaosCommandTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--for 30s --kills 5 | --kills and --for exclude each other",
        "--kills 5 --scenario gateway-kill | --scenario and --kills exclude each other",
        "--destage-kills 5 --for 1m | --destage-kills and --for exclude each other",
        "--kills 0 | --kills is 0; it must be 1 to 1000",
        "--destage-kills 100001 | --destage-kills is 100001; it must be 1 to 100000",
        "--nodes 4 | --nodes needs --for",
        "--for 30s --nodes 10 | --nodes is 10; it must be 3 to 9",
        "--for 30s --volumes 2 --initiators 3 | --initiators is 3; it must be 0 to 2",
        "--for 0 | --for is 0; it must be longer than 0",
        "--scenario fire | there is no scenario 'fire'; it must be one of storage-kill",
      })
  void saysWhatIsWrong(String arguments, String message) {
    StringWriter err = new StringWriter();
    CommandLine line = Main.commandLine();
    line.setErr(new PrintWriter(err));
    assertEquals(2, line.execute(("chaos " + arguments).split(" ")), arguments);
    assertTrue(err.toString().contains(message), err.toString());
  }
}
