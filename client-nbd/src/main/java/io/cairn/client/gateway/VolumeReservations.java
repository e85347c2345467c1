package io.cairn.client.gateway;

import io.cairn.client.scsi.ReservationStore;
import io.cairn.client.volume.MetadataCalls;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ReservationRecord;
import io.cairn.metadata.model.VolumeRecord;

/**
 * Registrations and reservations of one volume in the metadata. A change that keeps initiators out
 * is stored in the generation in which this gateway owns the volume, which it takes for that: were
 * it another's, that one would go on to serve whom the change keeps out.
 */
final class VolumeReservations implements ReservationStore {
  /** Makes this gateway the owner of the volume, though another one lives. */
  interface Takeover {
    /** Runs the action once it is decided; who owns the volume is read then. */
    void takeOver(Runnable decided);
  }

  private final Takeover takeover;
  private final MetadataCalls metadata;
  private final String volume;
  private final long volumeId;
  private final long instance;

  /** In which we own the volume, as of the last reading; -1 when we did not. */
  private long generation = -1;

  /**
   * Those of a volume.
   *
   * @param instance of this gateway's process.
   * @param takeover makes this gateway the owner.
   */
  VolumeReservations(
      MetadataCalls metadata, String volume, long volumeId, long instance, Takeover takeover) {
    this.takeover = takeover;
    this.metadata = metadata;
    this.volume = volume;
    this.volumeId = volumeId;
    this.instance = instance;
  }

  @Override
  public void load(Loaded answer) {
    metadata.query(
        new Query.GetTarget(volume),
        (reply, now) -> {
          boolean known =
              reply instanceof Reply.Target target && target.volume().volumeId() == volumeId;
          answer.loaded(known ? on((Reply.Target) reply) : null);
        });
  }

  private ReservationRecord on(Reply.Target target) {
    VolumeRecord.Owner owner = target.volume().owner();
    boolean ours = owner != null && owner.instance() == instance && !owner.maintenance();
    generation = ours ? target.volume().generation() : -1;
    return target.reservations();
  }

  @Override
  public void store(ReservationRecord next, boolean restricts, Stored answer) {
    if (restricts && generation < 0) {
      takeover.takeOver(() -> answer.stored(Outcome.STALE));
      return;
    }
    metadata.submit(
        new Command.StoreReservations(restricts ? generation : -1, next),
        (reply, now) ->
            answer.stored(
                switch (reply) {
                  case Reply.Ok ok -> Outcome.STORED;
                  case Reply.Refused refused -> Outcome.STALE;
                  case null, default -> Outcome.UNKNOWN;
                }));
  }
}
