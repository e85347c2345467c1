package io.cairn.metadata.model;

/**
 * How a part of the cluster is, as the leader sees it. Only what is out of the ordinary is on
 * record; a condition that is not there is the usual one.
 *
 * @param aspect what of the subject it is about, such as "device": one word.
 * @param subject the node, volume or gateway, in a form that never changes, such as its id.
 * @param name the subject's name for people.
 * @param value in one word, such as "failed"; null for the usual.
 * @param kind of the event that a change to this is; null when nobody need be told.
 * @param text the event's sentence; null when nobody need be told.
 */
public record ClusterCondition(
    String aspect, String subject, String name, String value, String kind, String text) {
  /** Longest subject, in characters. */
  public static final int SUBJECT_LENGTH_MAX = 1000;

  /** That the subject is as usual again, or is no more, which needs no event. */
  public ClusterCondition forgotten() {
    return new ClusterCondition(aspect, subject, name, null, null, null);
  }

  /** Whether it is the same aspect of the same subject. */
  public boolean isOf(ClusterCondition other) {
    return aspect.equals(other.aspect) && subject.equals(other.subject);
  }
}
