package io.cairn.client.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintWriter;
import java.util.function.Consumer;

/** How a verb prints what it found. */
enum OutputFormat {
  /** Aligned text for people; may change from release to release. */
  TABLE,
  /** JSON for programs: keys are added, never renamed. */
  JSON;

  /** Prints the JSON, or what people read instead of it. */
  void print(PrintWriter out, JsonNode json, Consumer<PrintWriter> text) {
    if (this == JSON) {
      out.println(pretty(json));
    } else {
      text.accept(out);
    }
    out.flush();
  }

  /** Prints one result of many: JSON is on one line of its own. */
  void printLine(PrintWriter out, JsonNode json, Consumer<PrintWriter> text) {
    if (this == JSON) {
      out.println(json);
    } else {
      text.accept(out);
    }
    out.flush();
  }

  private static String pretty(JsonNode json) {
    try {
      return new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(json);
    } catch (JsonProcessingException e) {
      throw new CommandFailure("the output cannot be written as JSON: " + e.getMessage(), e);
    }
  }
}
