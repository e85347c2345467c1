package io.cairn.metadata.model;

/**
 * Something that operators want to know of later: who looks for what happened reads these. Not to
 * be mixed up with what a command becomes in the log.
 *
 * @param number from 1, without gaps; the order of what happened.
 * @param atMillis the leader's clock when it took the command, since 1970; leaders' clocks differ,
 *     so times may go back from one number to the next. 0 from a leader that did not say.
 * @param kind what happened, in one word of small letters and hyphens, such as "node-down".
 * @param subject name of the node, volume, gateway or server that it happened to.
 * @param text the same as a sentence for people, at most {@link #TEXT_LENGTH_MAX} characters.
 */
public record ClusterEvent(long number, long atMillis, String kind, String subject, String text) {
  /** Longest subject, in characters; what is longer is cut. */
  public static final int SUBJECT_LENGTH_MAX = 255;

  /** Longest text, in characters; what is longer is cut. */
  public static final int TEXT_LENGTH_MAX = 500;

  /** Cuts what is too long: a name or a device's error must not fill the metadata. */
  public ClusterEvent {
    subject = cut(subject, SUBJECT_LENGTH_MAX);
    text = cut(text, TEXT_LENGTH_MAX);
  }

  private static String cut(String text, int lengthMax) {
    return text.length() <= lengthMax ? text : text.substring(0, lengthMax - 1) + "…";
  }
}
