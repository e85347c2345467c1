package io.cairn.client.scsi;

import io.cairn.metadata.model.ReservationRecord;

/** What all units of one volume see as on record; answers at once. */
public class MemoryReservations implements ReservationStore {
  private ReservationRecord record = ReservationRecord.none(2);

  @Override
  public void load(Loaded answer) {
    answer.loaded(record);
  }

  @Override
  public void store(ReservationRecord next, boolean restricts, Stored answer) {
    boolean follows =
        next.volumeId() == record.volumeId() && next.version() == record.version() + 1;
    if (follows) {
      record = next;
    }
    answer.stored(follows ? Outcome.STORED : Outcome.STALE);
  }
}
