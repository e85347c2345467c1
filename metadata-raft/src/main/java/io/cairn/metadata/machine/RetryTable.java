package io.cairn.metadata.machine;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.cairn.metadata.codec.Codec;
import io.cairn.metadata.command.Reply;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * The last answers to each client, so that a retry applies once. Part of the replicated state: it
 * survives leader changes and restarts. Bounded per client by the number of commands that a client
 * may have under way, and in clients by forgetting the one that has been silent the longest. A
 * command below that window is a late copy of one whose answer is forgotten, so it is refused.
 */
final class RetryTable {
  /** Commands that one client may have under way. */
  static final int ANSWERS_MAX = 64;

  /** Clients remembered. */
  static final int CLIENTS_MAX = 1024;

  private static final String ANSWER = "retry/answer/";
  private static final String AGE = "retry/age/";
  private static final String CLIENT = "retry/client/";
  private static final String HIGHEST = "retry/highest/";
  private static final String NEXT_AGE = "retry/next";
  private static final String COUNT = "retry/count";
  private static final String LAST = "\u007f";

  private final KeyValues keys;
  private final int answersMax;

  RetryTable(KeyValues keys) {
    this(keys, ANSWERS_MAX);
  }

  /** One that remembers fewer answers, or more. */
  RetryTable(KeyValues keys, int answersMax) {
    this.keys = keys;
    this.answersMax = answersMax;
  }

  /** An answer as it is stored. */
  record Answer(@JsonProperty("reply") Reply reply) {}

  /**
   * The answer that was given before, a refusal when it is forgotten, or null for a new command.
   */
  Reply find(long clientId, long number) {
    byte[] value = keys.get(answerKey(clientId, number));
    if (value != null) {
      return Codec.decode(value, Answer.class).reply();
    }
    long highest = get(HIGHEST + hex(clientId));
    return number > highest - answersMax
        ? null
        : new Reply.Refused(
            Reply.ErrorCode.INVALID,
            "command "
                + number
                + " is older than the "
                + answersMax
                + " before "
                + highest
                + ": whether it was applied is forgotten");
  }

  /** Stores the answer to a command that {@link #find} did not know. */
  void remember(long clientId, long number, Reply reply) {
    keys.put(answerKey(clientId, number), Codec.encode(new Answer(reply)));
    long highest = get(HIGHEST + hex(clientId));
    if (number > highest) {
      put(HIGHEST + hex(clientId), number);
      // Numbers may be left out, so the window may move by more than one.
      long firstKept = number - answersMax + 1;
      for (long n = Math.max(1, highest - answersMax + 1); n < firstKept && n <= highest; n++) {
        keys.delete(answerKey(clientId, n));
      }
    }
    touch(clientId);
  }

  private void touch(long clientId) {
    long age = get(NEXT_AGE);
    put(NEXT_AGE, age + 1);
    byte[] old = keys.get(CLIENT + hex(clientId));
    if (old != null) {
      keys.delete(AGE + new String(old, StandardCharsets.US_ASCII));
    } else {
      put(COUNT, get(COUNT) + 1);
    }
    put(CLIENT + hex(clientId), age);
    put(AGE + hex(age), clientId);
    if (get(COUNT) > CLIENTS_MAX) {
      forgetOldest();
    }
  }

  private void forgetOldest() {
    List<String> oldest = new ArrayList<>();
    keys.scan(
        AGE,
        AGE + LAST,
        (key, value) -> {
          oldest.add(key);
          oldest.add(new String(value, StandardCharsets.US_ASCII));
          return false;
        });
    String client = oldest.get(1);
    List<String> answers = new ArrayList<>();
    String prefix = ANSWER + client + "/";
    keys.scan(prefix, prefix + LAST, (key, value) -> answers.add(key));
    answers.forEach(keys::delete);
    keys.delete(oldest.get(0));
    keys.delete(CLIENT + client);
    keys.delete(HIGHEST + client);
    put(COUNT, get(COUNT) - 1);
  }

  private long get(String key) {
    byte[] value = keys.get(key);
    return value == null
        ? 0
        : Long.parseUnsignedLong(new String(value, StandardCharsets.US_ASCII), 16);
  }

  private void put(String key, long value) {
    keys.put(key, hex(value).getBytes(StandardCharsets.US_ASCII));
  }

  private static String answerKey(long clientId, long number) {
    return ANSWER + hex(clientId) + "/" + hex(number);
  }

  private static String hex(long value) {
    return HexFormat.of().toHexDigits(value);
  }
}
