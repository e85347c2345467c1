package io.cairn.client.iscsi;

import static java.nio.ByteOrder.BIG_ENDIAN;

import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The basic header segment that begins every PDU, RFC 7143 section 11.2.1. One object serves many
 * PDUs, one after the other.
 *
 * <pre>
 *  0 I|opcode   1 F|specific   2..3 specific   4 TotalAHSLength (words)   5..7 DataSegmentLength
 *  8..15 LUN or specific      16..19 Initiator Task Tag                  20..23 specific
 * 24..27 CmdSN or StatSN      28..31 ExpStatSN or ExpCmdSN               32..35 CDB or MaxCmdSN
 * 36..47 CDB or specific
 * </pre>
 */
public final class Bhs {
  /** Length in bytes. */
  public static final int BYTES = 48;

  /** Length of a header or data digest in bytes, section 11.2.3. */
  public static final int DIGEST_BYTES = 4;

  /** Index of the CDB in a SCSI command, section 11.3. */
  public static final int CDB_OFFSET = 32;

  static final int TAG_OR_LENGTH = 20;
  static final int CMD_SN = 24;
  static final int STAT_SN = 24;
  static final int EXP_STAT_SN = 28;
  static final int EXP_CMD_SN = 28;
  static final int MAX_CMD_SN = 32;
  static final int DATA_SN = 36;
  static final int LOGIN_STATUS = 36;
  static final int ASYNC_EVENT = 36;
  static final int BUFFER_OFFSET = 40;
  static final int RESIDUAL = 44;

  private final UnsafeBuffer bytes = new UnsafeBuffer(new byte[BYTES]);

  /** The 48 bytes, as they stand on the wire. */
  public UnsafeBuffer bytes() {
    return bytes;
  }

  /** Begins a PDU: everything else becomes zero. */
  public Bhs begin(int opcode, int flags) {
    bytes.setMemory(0, BYTES, (byte) 0);
    bytes.putByte(0, (byte) opcode);
    bytes.putByte(1, (byte) flags);
    return this;
  }

  /** Takes over 48 bytes of the wire. */
  public Bhs copyFrom(DirectBuffer source, int offset) {
    bytes.putBytes(0, source, offset, BYTES);
    return this;
  }

  /** Section 11.2.1.2. */
  public int opcode() {
    return bytes.getByte(0) & 0x3f;
  }

  /** The I bit, section 11.2.1.1. */
  public boolean isImmediate() {
    return (bytes.getByte(0) & 0x40) != 0;
  }

  /** The byte behind the opcode, unsigned. */
  public int flags() {
    return bytes.getByte(1) & 0xff;
  }

  /** Whether a bit of {@link #flags} is set. */
  public boolean has(int flag) {
    return (flags() & flag) != 0;
  }

  /** Length of the additional header segments in bytes, section 11.2.1.5. */
  public int additionalHeaderBytes() {
    return (bytes.getByte(4) & 0xff) * 4;
  }

  /** Length of the data segment in bytes, without padding, section 11.2.1.6. */
  public int dataSegmentBytes() {
    return bytes.getInt(4, BIG_ENDIAN) & 0xffffff;
  }

  /** Sets the length of the data segment. */
  public Bhs dataSegmentBytes(int length) {
    if (length < 0 || length > 0xffffff) {
      throw new IllegalArgumentException("a data segment of " + length + " bytes: 0 to 16777215");
    }
    bytes.putInt(4, bytes.getByte(4) << 24 | length, BIG_ENDIAN);
    return this;
  }

  /** Bytes behind a length that is not a multiple of four, section 11.2.3. */
  public static int padding(int length) {
    return -length & 3;
  }

  /** LUN, section 11.2.1.7. */
  public long lun() {
    return bytes.getLong(8, BIG_ENDIAN);
  }

  Bhs lun(long value) {
    bytes.putLong(8, value, BIG_ENDIAN);
    return this;
  }

  /** Initiator Task Tag, section 11.2.1.8. */
  public int initiatorTaskTag() {
    return bytes.getInt(16, BIG_ENDIAN);
  }

  Bhs initiatorTaskTag(int value) {
    return put(16, value);
  }

  int get(int offset) {
    return bytes.getInt(offset, BIG_ENDIAN);
  }

  Bhs put(int offset, int value) {
    bytes.putInt(offset, value, BIG_ENDIAN);
    return this;
  }

  int unsignedByte(int offset) {
    return bytes.getByte(offset) & 0xff;
  }

  Bhs putByte(int offset, int value) {
    bytes.putByte(offset, (byte) value);
    return this;
  }

  Bhs putShort(int offset, int value) {
    bytes.putShort(offset, (short) value, BIG_ENDIAN);
    return this;
  }
}
