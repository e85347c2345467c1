package io.cairn.client.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Map;
import picocli.CommandLine;

/** One run of the command line, and what came of it. */
record CommandRun(int exitCode, String out, String err) {
  static CommandRun of(Cairn cairn, String... arguments) {
    return of(cairn.newCommandLine(), arguments);
  }

  static CommandRun of(CommandLine line, String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    line.setOut(new PrintWriter(out));
    line.setErr(new PrintWriter(err));
    int exitCode = line.execute(arguments);
    return new CommandRun(exitCode, out.toString(), err.toString());
  }

  static CommandRun of(MachineMetadata metadata, String... arguments) {
    return of(new Cairn((addresses, deadline) -> metadata, Map.of()), arguments);
  }

  CommandRun succeeds() {
    assertEquals(0, exitCode, err);
    return this;
  }

  /** Asserts exit code and that stderr is that one line. */
  void fails(int code, String line) {
    assertEquals(line + "\n", err.replace("\r\n", "\n"));
    assertEquals("", out);
    assertEquals(code, exitCode);
  }

  JsonNode json() {
    try {
      return new ObjectMapper().readTree(succeeds().out);
    } catch (JsonProcessingException e) {
      throw new AssertionError(out, e);
    }
  }
}
