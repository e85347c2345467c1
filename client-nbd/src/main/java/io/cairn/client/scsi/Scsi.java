package io.cairn.client.scsi;

/** Numbers of SAM-5 and SPC-4. */
public final class Scsi {
  /** Status GOOD, SAM-5 5.3.1. */
  public static final int GOOD = 0x00;

  /** Status CHECK CONDITION. */
  public static final int CHECK_CONDITION = 0x02;

  /** Status BUSY: the command was not begun, and may be sent again. */
  public static final int BUSY = 0x08;

  /** Status RESERVATION CONFLICT. */
  public static final int RESERVATION_CONFLICT = 0x18;

  /** Length of the longest command descriptor block served, SPC-4 4.2. */
  public static final int CDB_BYTES = 16;

  private Scsi() {}

  /**
   * Whether a LUN of 64 bits is 0, in the peripheral device or the flat space addressing method,
   * SAM-5 4.7.
   */
  public static boolean isLunZero(long lun) {
    return lun == 0 || lun == 0x4000_0000_0000_0000L;
  }
}
