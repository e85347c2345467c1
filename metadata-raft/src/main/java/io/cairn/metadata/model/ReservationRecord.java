package io.cairn.metadata.model;

import java.util.List;

/**
 * Who has registered with a volume as a SCSI logical unit, who has reserved it (SPC-4 5.13), and
 * whether it is being sanitized (SBC-4 4.11): one truth for all gateways.
 *
 * @param version rises with each change; 0 before the first one.
 * @param prGeneration PRGENERATION, which counts registrations and preemptions; wraps.
 * @param type of the reservation, SPC-4 table 145; 0 for none.
 * @param holder who holds it; null when nobody does, and when all registrants do.
 * @param persists whether the last registration asked for APTPL. What is registered survives
 *     anyway: the unit loses no power while its cluster lives.
 * @param registrations in the order in which they came.
 * @param sanitizing the SANITIZE that began and has not ended well; null for none.
 */
public record ReservationRecord(
    long volumeId,
    long version,
    int prGeneration,
    int type,
    Port holder,
    boolean persists,
    List<Registration> registrations,
    Sanitizing sanitizing) {
  /** Registrations of one volume. */
  public static final int REGISTRATIONS_MAX = 256;

  /** Length of the name of an initiator port: an iSCSI name of 223 bytes, and an ISID. */
  public static final int PORT_NAME_LENGTH_MAX = 240;

  /** Length of the pattern of an OVERWRITE, in digits: a block of 4 KiB. */
  public static final int PATTERN_LENGTH_MAX = 8192;

  /** One that is not being sanitized. */
  public ReservationRecord(
      long volumeId,
      long version,
      int prGeneration,
      int type,
      Port holder,
      boolean persists,
      List<Registration> registrations) {
    this(volumeId, version, prGeneration, type, holder, persists, registrations, null);
  }

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

  /** Whether a SANITIZE is under way: it has begun, and neither ended nor failed. */
  public boolean hasSanitizeUnderWay() {
    return sanitizing != null && !sanitizing.failed();
  }

  /**
   * A SANITIZE, with all that a gateway needs to begin it anew.
   *
   * @param passes how often everything is overwritten; 0 for BLOCK ERASE.
   * @param pattern with which, in hexadecimal digits; empty for BLOCK ERASE.
   * @param inverts whether each pass writes the complement of the one before.
   * @param unrestricted AUSE: after a failure, EXIT FAILURE MODE is allowed.
   * @param failed whether it has failed; else it is under way.
   */
  public record Sanitizing(
      int passes, String pattern, boolean inverts, boolean unrestricted, boolean failed) {
    /** The same, which failed. */
    public Sanitizing afterFailure() {
      return new Sanitizing(passes, pattern, inverts, unrestricted, true);
    }
  }

  /** What one nexus registered. */
  public record Registration(Port port, long key) {}
}
