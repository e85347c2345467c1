package io.cairn.metadata.model;

/** What a replica holds that is not known to hold everything; from the best to the worst. */
public enum ReplicaCondition {
  /** Every write up to its last version, and nothing in part. */
  COMPLETE,
  /** It was catching up: some blocks are newer than its last version says, others are missing. */
  PARTIAL,
  /** Nothing. */
  EMPTY
}
