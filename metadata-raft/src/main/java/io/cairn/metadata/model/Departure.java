package io.cairn.metadata.model;

/** How an operator wants a node to leave. */
public enum Departure {
  /** Its replicas leave once others have taken their places: nothing is ever short. */
  DRAINED,
  /** Also where there is nobody to take their places, as long as writes have enough of them. */
  FORCED
}
