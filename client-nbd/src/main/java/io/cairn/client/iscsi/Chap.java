package io.cairn.client.iscsi;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One login's CHAP exchange, section 12.1.3 with RFC 1994, and mutual when the initiator asks.
 *
 * <pre>
 * ALGORITHM --CHAP_A--> CHALLENGED --CHAP_N and CHAP_R match--> DONE
 * any --anything else--> FAILED
 * </pre>
 */
final class Chap {
  /** Bytes of our challenge; a response has the length of the digest. */
  static final int CHALLENGE_BYTES = 32;

  private static final int THEIR_CHALLENGE_BYTES_MAX = 1024;

  enum State {
    /** Waits for the list of digests. */
    ALGORITHM,
    /** Waits for name and response. */
    CHALLENGED,
    /** The initiator is who it says. */
    DONE,
    /** It is not. */
    FAILED
  }

  private final ChapSecrets secrets;
  private final byte[] challenge;
  private final int identifier;
  private State state = State.ALGORITHM;
  private String algorithm;
  private String name;

  /**
   * A new exchange.
   *
   * @param random {@link #CHALLENGE_BYTES} and one more, never used before.
   */
  Chap(ChapSecrets secrets, byte[] random) {
    this.secrets = secrets;
    challenge = Arrays.copyOf(random, CHALLENGE_BYTES);
    identifier = random[CHALLENGE_BYTES] & 0xff;
  }

  State state() {
    return state;
  }

  /** The name that was proved, or null. */
  String name() {
    return name;
  }

  /** Takes the CHAP keys out of what came and answers; {@link #state} says how it stands. */
  Map<String, String> step(Map<String, String> keys) {
    String algorithms = keys.remove("CHAP_A");
    String claimed = keys.remove("CHAP_N");
    String response = keys.remove("CHAP_R");
    String theirIdentifier = keys.remove("CHAP_I");
    String theirChallenge = keys.remove("CHAP_C");
    Map<String, String> answer = new LinkedHashMap<>();
    if (state == State.ALGORITHM && algorithms != null) {
      algorithm = choose(algorithms);
      state = algorithm == null ? State.FAILED : State.CHALLENGED;
      if (algorithm != null) {
        answer.put("CHAP_A", algorithm);
        answer.put("CHAP_I", Integer.toString(identifier));
        answer.put("CHAP_C", "0x" + HexFormat.of().formatHex(challenge));
      }
      return answer;
    }
    if (state == State.CHALLENGED && claimed != null && response != null) {
      byte[] secret = secrets.initiators().get(claimed);
      byte[] expected = digest(identifier, secret == null ? new byte[16] : secret, challenge);
      byte[] given = binary(response, expected.length);
      boolean same = given != null && MessageDigest.isEqual(expected, given);
      state = same && secret != null ? State.DONE : State.FAILED;
      if (state == State.DONE) {
        name = claimed;
        prove(theirIdentifier, theirChallenge, answer);
      }
      return answer;
    }
    state = State.FAILED;
    return answer;
  }

  /** Mutual CHAP: a challenge that is our own, sent back, would let anybody use our answer. */
  private void prove(String theirIdentifier, String theirChallenge, Map<String, String> answer) {
    if (theirIdentifier == null && theirChallenge == null) {
      return;
    }
    int number = theirIdentifier == null ? -1 : Parameters.number(theirIdentifier, 0, 255);
    byte[] bytes =
        theirChallenge == null ? null : binary(theirChallenge, THEIR_CHALLENGE_BYTES_MAX);
    if (number < 0
        || bytes == null
        || Arrays.equals(bytes, challenge)
        || secrets.targetSecret() == null) {
      state = State.FAILED;
      return;
    }
    answer.put("CHAP_N", secrets.targetName());
    answer.put(
        "CHAP_R", "0x" + HexFormat.of().formatHex(digest(number, secrets.targetSecret(), bytes)));
  }

  /** 5 is MD5, 6 SHA1, 7 SHA-256, 8 SHA3-256 in IANA's list; MD5 is what every initiator has. */
  private static String choose(String offered) {
    for (String one : offered.split(",", -1)) {
      if (one.equals("7") || one.equals("5")) {
        return one;
      }
    }
    return null;
  }

  private byte[] digest(int id, byte[] secret, byte[] message) {
    try {
      MessageDigest digest = MessageDigest.getInstance(algorithm.equals("7") ? "SHA-256" : "MD5");
      digest.update((byte) id);
      digest.update(secret);
      return digest.digest(message);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has MD5 and SHA-256", e);
    }
  }

  /** A binary value in hexadecimal or base 64, section 6.1; null when it is neither, or long. */
  static byte[] binary(String text, int bytesMax) {
    try {
      byte[] bytes;
      if (text.startsWith("0x") || text.startsWith("0X")) {
        String digits = text.substring(2);
        bytes = HexFormat.of().parseHex(digits.length() % 2 == 0 ? digits : "0" + digits);
      } else if (text.startsWith("0b") || text.startsWith("0B")) {
        bytes = java.util.Base64.getDecoder().decode(text.substring(2));
      } else {
        return null;
      }
      return bytes.length > bytesMax ? null : bytes;
    } catch (IllegalArgumentException e) {
      return null;
    }
  }
}
