package io.cairn.client.iscsi;

import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * Who may log in with which secret, and with which one the target proves itself.
 *
 * @param initiators secret by CHAP name of an initiator; not empty.
 * @param targetName the target's own CHAP name for mutual CHAP, or null when it offers none.
 * @param targetSecret the target's own secret, or null.
 */
public record ChapSecrets(Map<String, byte[]> initiators, String targetName, byte[] targetSecret) {
  /** Shortest secret: 96 bits, section 9.2.1. */
  public static final int SECRET_BYTES_MIN = 12;

  /** Longest secret. */
  public static final int SECRET_BYTES_MAX = 256;

  /** Checks lengths, and that the target's secret is not an initiator's (section 9.2.1). */
  public ChapSecrets {
    initiators = Map.copyOf(initiators);
    if (initiators.isEmpty()) {
      throw new IllegalArgumentException("CHAP without any initiator's secret");
    }
    initiators.forEach(ChapSecrets::check);
    if (targetSecret != null) {
      check("the target " + targetName, targetSecret);
      for (byte[] secret : initiators.values()) {
        if (java.util.Arrays.equals(secret, targetSecret)) {
          throw new IllegalArgumentException("the target's CHAP secret is also an initiator's");
        }
      }
    }
  }

  private static void check(String who, byte[] secret) {
    if (secret.length < SECRET_BYTES_MIN || secret.length > SECRET_BYTES_MAX) {
      throw new IllegalArgumentException(
          "the CHAP secret of "
              + who
              + " has "
              + secret.length
              + " bytes: expected "
              + SECRET_BYTES_MIN
              + " to "
              + SECRET_BYTES_MAX);
    }
  }

  /**
   * Reads lines of {@code NAME SECRET}; one that begins with {@code target} and has a third word is
   * the target's own: {@code target NAME SECRET}. Empty lines and those with # are passed over.
   *
   * @throws IllegalArgumentException with the number of the line, never with a secret.
   */
  public static ChapSecrets parse(String text) {
    Map<String, byte[]> initiators = new java.util.LinkedHashMap<>();
    String targetName = null;
    byte[] targetSecret = null;
    int number = 0;
    for (String line : text.split("\n", -1)) {
      number++;
      String[] words = line.strip().split("\\s+");
      if (line.isBlank() || words[0].startsWith("#")) {
        continue;
      }
      if (words.length == 3 && words[0].equals("target") && targetName == null) {
        targetName = words[1];
        targetSecret = words[2].getBytes(StandardCharsets.UTF_8);
      } else if (words.length != 2
          || initiators.put(words[0], words[1].getBytes(StandardCharsets.UTF_8)) != null) {
        throw new IllegalArgumentException(
            "line " + number + " of the CHAP secrets: expected NAME SECRET, each name once");
      }
    }
    return new ChapSecrets(initiators, targetName, targetSecret);
  }

  /** Names only: secrets are in no log. */
  @Override
  public String toString() {
    return "CHAP for " + initiators.keySet();
  }
}
