package io.cairn.metadata.model;

import java.util.List;

/**
 * Who has registered with a volume as a SCSI logical unit, and who has reserved it (SPC-4 5.13):
 * one truth for all gateways.
 *
 * @param version rises with each change; 0 before the first one.
 * @param prGeneration PRGENERATION, which counts registrations and preemptions; wraps.
 * @param type of the reservation, SPC-4 table 145; 0 for none.
 * @param holder who holds it; null when nobody does, and when all registrants do.
 * @param persists whether the last registration asked for APTPL. What is registered survives
 *     anyway: the unit loses no power while its cluster lives.
 * @param registrations in the order in which they came.
 */
public record ReservationRecord(
    long volumeId,
    long version,
    int prGeneration,
    int type,
    Port holder,
    boolean persists,
    List<Registration> registrations) {
  /** Registrations of one volume. */
  public static final int REGISTRATIONS_MAX = 256;

  /** Length of the name of an initiator port: an iSCSI name of 223 bytes, and an ISID. */
  public static final int PORT_NAME_LENGTH_MAX = 240;

  /** Keeps the list immutable. */
  public ReservationRecord {
    registrations = registrations == null ? List.of() : List.copyOf(registrations);
  }

  /** That of a volume with which nobody ever registered. */
  public static ReservationRecord none(long volumeId) {
    return new ReservationRecord(volumeId, 0, 0, 0, null, false, List.of());
  }

  /**
   * An I_T nexus.
   *
   * @param initiatorPort name of the initiator port.
   * @param targetPort relative target port identifier, from 1; 0 for all of them.
   */
  public record Port(String initiatorPort, int targetPort) {}

  /** What one nexus registered. */
  public record Registration(Port port, long key) {}
}
