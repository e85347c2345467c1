package io.cairn.client.scsi;

/**
 * Sense data, SPC-4 4.5.
 *
 * @param key sense key.
 * @param code additional sense code and qualifier, 16 bits.
 * @param information the INFORMATION field, or -1.
 * @param cdbByte the byte of the CDB that is in error, or -1.
 * @param progress PROGRESS INDICATION in 65536ths, or -1.
 */
public record Sense(int key, int code, long information, int cdbByte, int progress) {
  static final int NOT_READY = 0x02;
  static final int MEDIUM_ERROR = 0x03;
  static final int ILLEGAL_REQUEST = 0x05;
  static final int UNIT_ATTENTION = 0x06;
  static final int DATA_PROTECT = 0x07;
  static final int COPY_ABORTED = 0x0a;
  static final int ABORTED_COMMAND = 0x0b;
  static final int MISCOMPARE_KEY = 0x0e;

  /** The data of a command did not come as agreed. */
  public static final Sense DATA_PHASE_ERROR = new Sense(ABORTED_COMMAND, 0x4b00);

  static final Sense NONE = new Sense(0, 0);
  static final Sense INVALID_OPERATION_CODE = new Sense(ILLEGAL_REQUEST, 0x2000, -1, 0, -1);
  static final Sense INVALID_FIELD = new Sense(ILLEGAL_REQUEST, 0x2400);
  static final Sense PORT_IN_STANDBY = new Sense(NOT_READY, 0x040b);
  static final Sense LBA_OUT_OF_RANGE = new Sense(ILLEGAL_REQUEST, 0x2100);
  static final Sense UNIT_NOT_SUPPORTED = new Sense(ILLEGAL_REQUEST, 0x2500);
  static final Sense INVALID_PARAMETER_LIST = new Sense(ILLEGAL_REQUEST, 0x2600);
  static final Sense PARAMETER_LIST_LENGTH = new Sense(ILLEGAL_REQUEST, 0x1a00);
  static final Sense INVALID_RELEASE = new Sense(ILLEGAL_REQUEST, 0x2604);
  static final Sense SAVING_NOT_SUPPORTED = new Sense(ILLEGAL_REQUEST, 0x3900);
  static final Sense INVALID_INFORMATION_UNIT = new Sense(ILLEGAL_REQUEST, 0x0e03);
  static final Sense INSUFFICIENT_REGISTRATIONS = new Sense(ILLEGAL_REQUEST, 0x5504);
  static final Sense OPERATION_IN_PROGRESS = new Sense(ILLEGAL_REQUEST, 0x0016);
  static final Sense TOO_MANY_TARGETS = new Sense(ILLEGAL_REQUEST, 0x2606);
  static final Sense UNSUPPORTED_TARGET = new Sense(ILLEGAL_REQUEST, 0x2607);
  static final Sense TOO_MANY_SEGMENTS = new Sense(ILLEGAL_REQUEST, 0x2608);
  static final Sense UNSUPPORTED_SEGMENT = new Sense(ILLEGAL_REQUEST, 0x2609);
  static final Sense INLINE_DATA_LENGTH = new Sense(ILLEGAL_REQUEST, 0x260b);
  static final Sense UNREACHABLE_COPY_TARGET = new Sense(COPY_ABORTED, 0x0804);
  static final Sense THIRD_PARTY_DEVICE_FAILURE = new Sense(COPY_ABORTED, 0x0d01);
  static final Sense COPY_TARGET_NOT_REACHABLE = new Sense(COPY_ABORTED, 0x0d02);
  static final Sense COPY_ABORTED_BEYOND_END = new Sense(COPY_ABORTED, 0x0000);
  static final Sense SANITIZE_FAILED = new Sense(MEDIUM_ERROR, 0x3103);
  static final Sense WRITE_PROTECTED = new Sense(DATA_PROTECT, 0x2700);

  static final Sense POWER_ON = new Sense(UNIT_ATTENTION, 0x2900);
  static final Sense RESET = new Sense(UNIT_ATTENTION, 0x2903);
  static final Sense MODE_PARAMETERS_CHANGED = new Sense(UNIT_ATTENTION, 0x2a01);
  static final Sense RESERVATIONS_PREEMPTED = new Sense(UNIT_ATTENTION, 0x2a03);
  static final Sense RESERVATIONS_RELEASED = new Sense(UNIT_ATTENTION, 0x2a04);
  static final Sense REGISTRATIONS_PREEMPTED = new Sense(UNIT_ATTENTION, 0x2a05);
  static final Sense ACCESS_STATE_CHANGED = new Sense(UNIT_ATTENTION, 0x2a06);
  static final Sense CAPACITY_CHANGED = new Sense(UNIT_ATTENTION, 0x2a09);
  static final Sense COMMANDS_CLEARED = new Sense(UNIT_ATTENTION, 0x2f00);

  private static final int FIXED_BYTES = 18;

  Sense(int key, int code) {
    this(key, code, -1, -1, -1);
  }

  /** INVALID FIELD IN CDB, at this byte. */
  static Sense invalidField(int cdbByte) {
    return new Sense(ILLEGAL_REQUEST, 0x2400, -1, cdbByte, -1);
  }

  /** MISCOMPARE DURING VERIFY OPERATION, with the offset of the first byte that differs. */
  static Sense miscompare(long offset) {
    return new Sense(MISCOMPARE_KEY, 0x1d00, offset, -1, -1);
  }

  /** LOGICAL UNIT NOT READY, SANITIZE IN PROGRESS. */
  static Sense sanitizing(int progress) {
    return new Sense(NOT_READY, 0x041b, -1, -1, progress);
  }

  /** The bytes, in descriptor or fixed format, SPC-4 4.5.2 and 4.5.3. */
  public byte[] encode(boolean descriptor) {
    return descriptor ? encodeDescriptors() : encodeFixed();
  }

  private byte[] encodeFixed() {
    byte[] bytes = new byte[FIXED_BYTES];
    boolean informed = information >= 0 && information <= 0xffffffffL;
    bytes[0] = (byte) (informed ? 0xf0 : 0x70);
    bytes[2] = (byte) key;
    for (int i = 0; informed && i < 4; i++) {
      bytes[3 + i] = (byte) (information >>> 24 - 8 * i);
    }
    bytes[7] = FIXED_BYTES - 8;
    bytes[12] = (byte) (code >>> 8);
    bytes[13] = (byte) code;
    if (cdbByte >= 0) {
      bytes[15] = (byte) 0xc0;
      bytes[17] = (byte) cdbByte;
    } else if (progress >= 0) {
      bytes[15] = (byte) 0x80;
      bytes[16] = (byte) (progress >>> 8);
      bytes[17] = (byte) progress;
    }
    return bytes;
  }

  private byte[] encodeDescriptors() {
    int informationBytes = information >= 0 ? 12 : 0;
    int fieldBytes = cdbByte >= 0 || progress >= 0 ? 8 : 0;
    byte[] bytes = new byte[8 + informationBytes + fieldBytes];
    bytes[0] = 0x72;
    bytes[1] = (byte) key;
    bytes[2] = (byte) (code >>> 8);
    bytes[3] = (byte) code;
    bytes[7] = (byte) (informationBytes + fieldBytes);
    if (informationBytes > 0) {
      bytes[9] = 10;
      bytes[10] = (byte) 0x80;
      for (int i = 0; i < 8; i++) {
        bytes[12 + i] = (byte) (information >>> 56 - 8 * i);
      }
    }
    if (fieldBytes > 0) {
      int at = 8 + informationBytes;
      bytes[at] = 0x02;
      bytes[at + 1] = 0x06;
      bytes[at + 4] = (byte) (cdbByte >= 0 ? 0xc0 : 0x80);
      bytes[at + 5] = (byte) (cdbByte >= 0 ? 0 : progress >>> 8);
      bytes[at + 6] = (byte) (cdbByte >= 0 ? cdbByte : progress);
    }
    return bytes;
  }
}
