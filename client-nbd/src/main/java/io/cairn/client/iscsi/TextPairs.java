package io.cairn.client.iscsi;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** Text of login and text PDUs: {@code key=value} pairs, each ended by a zero, section 6.1. */
final class TextPairs {
  /** Length of a key-name, section 6.1. */
  static final int KEY_CHARACTERS_MAX = 63;

  /** Length of a value: the largest is a large-binary-value of CHAP in hexadecimal, section 6.1. */
  static final int VALUE_CHARACTERS_MAX = 8192;

  /** Pairs in one text; RFC 7143 has 30 keys. */
  static final int PAIRS_MAX = 128;

  private TextPairs() {}

  /**
   * Reads a text.
   *
   * @throws ProtocolException with the value and the bound.
   */
  static Map<String, String> decode(byte[] text) {
    Map<String, String> pairs = new LinkedHashMap<>();
    int start = 0;
    for (int i = 0; i <= text.length; i++) {
      if (i < text.length && text[i] != 0) {
        continue;
      }
      if (i > start) {
        add(pairs, new String(text, start, i - start, StandardCharsets.UTF_8));
      }
      start = i + 1;
    }
    return pairs;
  }

  private static void add(Map<String, String> pairs, String pair) {
    int equals = pair.indexOf('=');
    if (equals < 1 || equals > KEY_CHARACTERS_MAX) {
      throw new ProtocolException(
          "a key of " + equals + " characters: 1 to " + KEY_CHARACTERS_MAX + ", then =");
    }
    String key = pair.substring(0, equals);
    if (!key.chars().allMatch(TextPairs::inKey)) {
      throw new ProtocolException("a key with characters that are not allowed");
    }
    int length = pair.length() - equals - 1;
    if (length > VALUE_CHARACTERS_MAX) {
      throw new ProtocolException(
          key + " has a value of " + length + " characters: at most " + VALUE_CHARACTERS_MAX);
    }
    if (pairs.size() == PAIRS_MAX) {
      throw new ProtocolException("more than " + PAIRS_MAX + " keys in one text");
    }
    if (pairs.putIfAbsent(key, pair.substring(equals + 1)) != null) {
      throw new ProtocolException(key + " stands twice in one text");
    }
  }

  private static boolean inKey(int c) {
    return c >= 'A' && c <= 'Z'
        || c >= 'a' && c <= 'z'
        || c >= '0' && c <= '9'
        || ".-+@_/#".indexOf(c) >= 0;
  }

  /** Writes a text. */
  static byte[] encode(Map<String, String> pairs) {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    pairs.forEach((key, value) -> append(text, key, value));
    return text.toByteArray();
  }

  static void append(ByteArrayOutputStream text, String key, String value) {
    text.writeBytes((key + "=" + value).getBytes(StandardCharsets.UTF_8));
    text.write(0);
  }
}
