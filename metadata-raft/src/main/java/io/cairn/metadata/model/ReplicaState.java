package io.cairn.metadata.model;

/** State of one replica on record. */
public enum ReplicaState {
  /** Holds every acknowledged write of the chunk; may serve reads once a session has opened it. */
  IN_SYNC,
  /** A member that lacks writes: it is away, or is catching up. Serves no reads. */
  SYNCING
}
