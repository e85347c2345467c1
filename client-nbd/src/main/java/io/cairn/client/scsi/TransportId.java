package io.cairn.client.scsi;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.cairn.metadata.model.AccessRecord;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A TransportID of iSCSI, SPC-4 7.6.4.6: the name of an initiator, or of one of its ports.
 *
 * <pre>
 * 0 format (2 bits: 0 initiator, 1 port), protocol (4 bits: 5)   2 length of what follows (16)
 * 4 name, ended and padded by zeroes to a multiple of four, 20 bytes at least
 * </pre>
 *
 * @param name of the initiator, or of the port as {@link Nexus#portName()} has it.
 * @param isPort whether it names a port.
 * @param bytes its length in the list.
 */
record TransportId(String name, boolean isPort, int bytes) {
  private static final int HEADER_BYTES = 4;
  private static final int NAME_BYTES_MIN = 20;
  private static final int ISCSI = 0x05;
  private static final int PORT = 0x40;
  private static final String PORT_MARK = ",i,0x";
  private static final Pattern PORT_NAME = Pattern.compile("(.+),i,0[xX]([0-9a-fA-F]{1,12})");

  /** The name of an initiator's port. */
  static String portName(String initiatorName, long isid) {
    return initiatorName + PORT_MARK + String.format("%012x", isid);
  }

  /** The name of the initiator to which a port belongs. */
  static String initiatorOf(String portName) {
    return portName.substring(0, portName.lastIndexOf(PORT_MARK));
  }

  /** The bytes that name a port. */
  static byte[] encode(String portName) {
    byte[] name = (portName + "\0").getBytes(StandardCharsets.UTF_8);
    int nameBytes = Math.max(NAME_BYTES_MIN, (name.length + 3) / 4 * 4);
    ByteBuffer id = ByteBuffer.allocate(HEADER_BYTES + nameBytes).order(BIG_ENDIAN);
    id.put(0, (byte) (PORT | ISCSI)).putShort(2, (short) nameBytes).put(HEADER_BYTES, name);
    return id.array();
  }

  /**
   * Reads the one that begins at this byte.
   *
   * @return null when there is none.
   */
  static TransportId decode(ByteBuffer list, int at) {
    if (list.limit() - at < HEADER_BYTES + NAME_BYTES_MIN) {
      return null;
    }
    int kind = list.get(at) & 0xff;
    int nameBytes = list.getShort(at + 2) & 0xffff;
    boolean isPort = kind == (PORT | ISCSI);
    if (!isPort && kind != ISCSI
        || nameBytes < NAME_BYTES_MIN
        || nameBytes % 4 != 0
        || nameBytes > list.limit() - at - HEADER_BYTES) {
      return null;
    }
    byte[] bytes = new byte[nameBytes];
    list.get(at + HEADER_BYTES, bytes);
    String name = new String(bytes, StandardCharsets.UTF_8);
    int end = name.indexOf('\0');
    if (end <= 0) {
      return null;
    }
    name = name.substring(0, end);
    Matcher port = PORT_NAME.matcher(name);
    String initiator = isPort ? port.matches() ? port.group(1) : "" : name;
    if (initiator.isEmpty() || initiator.length() > AccessRecord.Initiator.NAME_LENGTH_MAX) {
      return null;
    }
    return new TransportId(
        isPort ? portName(initiator, Long.parseLong(port.group(2), 16)) : name,
        isPort,
        HEADER_BYTES + nameBytes);
  }
}
