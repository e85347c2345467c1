package io.cairn.metadata.console;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * The secret that a change must bring along, in a file: it is read for each change, so that another
 * one takes its place without a restart. What cannot be read, or is too short to be a secret,
 * permits nothing. Thread-safe.
 */
final class ChangeToken {
  /** Shortest token, in characters: fewer could be guessed. */
  static final int LENGTH_MIN = 16;

  /** Longest token, in characters: it must fit into a header. */
  static final int LENGTH_MAX = 1024;

  private static final String SCHEME = "bearer ";

  private final Path file;

  ChangeToken(Path file) {
    this.file = file;
  }

  /**
   * Why a change is refused; null when it brings the token along. Reads the file.
   *
   * @param authorization the request's header; null when it has none.
   */
  String refusal(String authorization) {
    String expected;
    try {
      expected = read();
    } catch (IOException e) {
      return "the file of console.token.file cannot be read by the server: nothing is changed here";
    }
    if (expected.length() < LENGTH_MIN || expected.length() > LENGTH_MAX) {
      return "the token in the file of console.token.file must have "
          + LENGTH_MIN
          + " to "
          + LENGTH_MAX
          + " characters: nothing is changed here";
    }
    if (authorization == null
        || !authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
      return "a change needs the console's token, in the header 'Authorization: Bearer TOKEN'";
    }
    String given = authorization.substring(SCHEME.length()).strip();
    // Digests of one length, compared in constant time: how long it took says nothing of the token.
    return MessageDigest.isEqual(digest(given), digest(expected))
        ? null
        : "this is not the console's token";
  }

  /** No more of it than a token has, whatever the file is. */
  private String read() throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return new String(in.readNBytes(LENGTH_MAX + 3), StandardCharsets.UTF_8).strip();
    }
  }

  private static byte[] digest(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
