package io.cairn.bench.acceptance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What {@code iscsi-test-cu} says of a target, as SUITE.TEST in alphabetical order.
 *
 * @param passed number of tests that ran and passed.
 * @param skipped with the test tool's reason.
 * @param failed with what the tool printed.
 */
record LibiscsiReport(int passed, Map<String, String> skipped, Map<String, String> failed) {
  private static final Pattern SUITE = Pattern.compile("Suite: (\\S+)");
  private static final Pattern TEST = Pattern.compile("  Test: (\\S+) \\.\\.\\.(.*)");
  private static final Pattern SKIPPED = Pattern.compile("\\[SKIPPED\\] (.*)");

  /** Reads the tool's verbose output. */
  static LibiscsiReport of(String output) {
    int passed = 0;
    Map<String, String> skipped = new TreeMap<>();
    Map<String, String> failed = new TreeMap<>();
    String suite = "";
    String test = null;
    StringBuilder said = new StringBuilder();
    // A last line that ends the last test.
    for (String line : (output + "\nSuite: end").split("\n", -1)) {
      Matcher newSuite = SUITE.matcher(line);
      Matcher newTest = TEST.matcher(line);
      boolean begins = newTest.lookingAt();
      if ((begins || newSuite.lookingAt()) && test != null) {
        String text = said.toString();
        Matcher reason = SKIPPED.matcher(text);
        if (text.contains("FAILED\n")) {
          failed.put(suite + "." + test, text.strip());
        } else if (reason.find()) {
          skipped.put(suite + "." + test, reason.group(1));
        } else if (text.contains("passed")) {
          passed++;
        } else {
          failed.put(suite + "." + test, "it did not end: " + text.strip());
        }
        test = null;
        said.setLength(0);
      }
      if (begins) {
        test = newTest.group(1);
        said.append(newTest.group(2)).append('\n');
      } else if (newSuite.lookingAt()) {
        suite = newSuite.group(1);
      } else if (test != null) {
        said.append(line).append('\n');
      }
    }
    return new LibiscsiReport(passed, skipped, failed);
  }

  /**
   * The first two columns of the rows of a document that begin with a test's name: what must not
   * pass, and whether it is skipped or fails.
   */
  static Map<String, String> documented(Path document) throws IOException {
    Map<String, String> rows = new TreeMap<>();
    Pattern row = Pattern.compile("\\| `(\\w+\\.\\w+)` \\| (skipped|fails) \\| .+ \\|");
    for (String line : Files.readAllLines(document)) {
      Matcher matcher = row.matcher(line);
      if (matcher.matches()) {
        rows.put(matcher.group(1), matcher.group(2));
      }
    }
    return rows;
  }
}
