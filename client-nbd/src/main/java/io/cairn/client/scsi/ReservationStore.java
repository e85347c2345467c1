package io.cairn.client.scsi;

import io.cairn.metadata.model.ReservationRecord;

/**
 * Where registrations and reservations of a unit are kept, for all gateways that serve it. Calls
 * and answers on the unit's loop; an answer may come before the call returns.
 */
public interface ReservationStore {
  /** Asks for what is on record now. */
  void load(Loaded answer);

  /**
   * Replaces what is on record.
   *
   * @param next whose version is one above that of the record that it follows upon.
   * @param restricts whether it keeps initiators out: no gateway may serve them any more once this
   *     is answered.
   */
  void store(ReservationRecord next, boolean restricts, Stored answer);

  /** Hears what is on record. */
  interface Loaded {
    /** The record; null when it cannot be had now. */
    void loaded(ReservationRecord record);
  }

  /** Hears how storing ended. */
  interface Stored {
    /** The end. */
    void stored(Outcome outcome);
  }

  /** How storing can end. */
  enum Outcome {
    /** It is on record. */
    STORED,
    /** Somebody else changed the record first, or we may not keep initiators out any more. */
    STALE,
    /** Whether it is on record is not known. */
    UNKNOWN
  }
}
