package io.cairn.bench.chaos;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cairn.client.cli.Cairn;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import picocli.CommandLine;

/** The command {@code cairn}, as a process by its launcher, or a short verb within this one. */
public final class Program {
  private static final String LAUNCHER_PROPERTY = "cairn.launcher";

  private Program() {}

  /** The launcher: what the property names, else the one of the tree that this class comes from. */
  public static Path launcher() {
    String named = System.getProperty(LAUNCHER_PROPERTY);
    if (named != null) {
      return Path.of(named);
    }
    String classPath = System.getProperty("java.class.path");
    List<Path> starts = new ArrayList<>();
    starts.add(Path.of(classPath.split(java.io.File.pathSeparator)[0]).toAbsolutePath());
    starts.add(Path.of("").toAbsolutePath());
    for (Path start : starts) {
      for (Path place = start; place != null; place = place.getParent()) {
        Path candidate = place.resolve("cairn");
        if (Files.isRegularFile(candidate) && Files.exists(place.resolve(".jvm-flags"))) {
          return candidate;
        }
      }
    }
    throw new ChaosFailure(
        "the launcher is not found; name it by -D" + LAUNCHER_PROPERTY + "=PATH");
  }

  /** The command's line with its arguments. */
  public static List<String> command(String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(launcher().toString());
    command.addAll(Arrays.asList(arguments));
    return command;
  }

  /** Runs the launcher to its end. */
  public static Tool.Result run(java.time.Duration limit, String... arguments) {
    return new Tool(launcher().toString(), "this project").run(limit, arguments);
  }

  /**
   * Runs an operator's verb with {@code -o json} within this process: the same code as the launcher
   * runs, without a JVM's start for each question.
   *
   * @return the JSON, or null when the verb failed.
   */
  public static JsonNode ask(String... arguments) {
    StringWriter out = new StringWriter();
    CommandLine line = Cairn.commandLine();
    line.setOut(new PrintWriter(out));
    line.setErr(new PrintWriter(new StringWriter()));
    if (line.execute(arguments) != 0) {
      return null;
    }
    try {
      return new ObjectMapper().readTree(out.toString());
    } catch (JsonProcessingException e) {
      throw new ChaosFailure(String.join(" ", arguments) + " printed no JSON: " + out, e);
    }
  }
}
