package io.cairn.bench.load;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** An export on a TCP port of this machine. */
record NbdAddress(int port, String export) {
  private static final Pattern URI =
      Pattern.compile("nbd://(?:127\\.0\\.0\\.1|localhost):(\\d{1,5})/(.*)");

  /** Reads a URI; empty when the server is somewhere else or on a socket of another kind. */
  static Optional<NbdAddress> parse(String uri) {
    Matcher matcher = URI.matcher(uri);
    return matcher.matches()
        ? Optional.of(new NbdAddress(Integer.parseInt(matcher.group(1)), matcher.group(2)))
        : Optional.empty();
  }
}
