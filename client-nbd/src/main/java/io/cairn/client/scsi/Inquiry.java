package io.cairn.client.scsi;

import static java.nio.ByteOrder.BIG_ENDIAN;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** INQUIRY data and vital product data pages, SPC-4 6.6 and 7.8, SBC-3 6.6. */
final class Inquiry {
  static final int SUPPORTED_PAGES = 0x00;
  static final int SERIAL_NUMBER = 0x80;
  static final int DEVICE_IDENTIFICATION = 0x83;
  static final int EXTENDED_DATA = 0x86;
  static final int THIRD_PARTY_COPY = 0x8f;
  static final int BLOCK_LIMITS = 0xb0;
  static final int BLOCK_CHARACTERISTICS = 0xb1;
  static final int PROVISIONING = 0xb2;

  private static final int STANDARD_BYTES = 96;

  /** SAM-5, SPC-4, SBC-3, iSCSI, without a version of their drafts: SPC-4 table 152. */
  private static final int[] VERSIONS = {0x00a0, 0x0460, 0x04c0, 0x0960};

  private Inquiry() {}

  /** Standard INQUIRY data. */
  static byte[] standard(boolean unitIsHere) {
    ByteBuffer data = ByteBuffer.allocate(STANDARD_BYTES).order(BIG_ENDIAN);
    // Qualifier 3 and type 1Fh: there can be no unit at this LUN.
    data.put((byte) (unitIsHere ? 0x00 : 0x7f));
    data.put((byte) 0);
    // SPC-4; hierarchical addressing, response format 2; commands are queued.
    data.put((byte) 6).put((byte) 0x12).put((byte) (STANDARD_BYTES - 5));
    // TPGS: implicit asymmetric access. 3PC: EXTENDED COPY.
    data.put((byte) 0x18).put((byte) 0).put((byte) 0x02);
    data.put(ascii("CAIRN", 8)).put(ascii("VOLUME", 16)).put(ascii("0001", 4));
    data.position(58);
    for (int version : VERSIONS) {
      data.putShort((short) version);
    }
    return data.array();
  }

  /** A page, or null when there is none of that number. */
  static byte[] page(int page, Identity identity, int blockBytes) {
    return switch (page) {
      case SUPPORTED_PAGES ->
          page(
              page,
              new byte[] {
                (byte) SUPPORTED_PAGES,
                (byte) SERIAL_NUMBER,
                (byte) DEVICE_IDENTIFICATION,
                (byte) EXTENDED_DATA,
                (byte) THIRD_PARTY_COPY,
                (byte) BLOCK_LIMITS,
                (byte) BLOCK_CHARACTERISTICS,
                (byte) PROVISIONING
              });
      case SERIAL_NUMBER -> page(page, ascii(identity.serial(), 32));
      case DEVICE_IDENTIFICATION -> page(page, designators(identity));
      case EXTENDED_DATA -> page(page, extended());
      case THIRD_PARTY_COPY -> page(page, thirdPartyCopy(blockBytes));
      case BLOCK_LIMITS -> page(page, limits(blockBytes));
      case BLOCK_CHARACTERISTICS -> page(page, characteristics());
      // Thin; UNMAP, WRITE SAME with UNMAP in both lengths; what is unmapped reads as zeroes.
      case PROVISIONING -> page(page, new byte[] {0, (byte) 0xe4, 0x02, 0});
      default -> null;
    };
  }

  private static byte[] page(int page, byte[] body) {
    ByteBuffer data = ByteBuffer.allocate(4 + body.length).order(BIG_ENDIAN);
    data.put((byte) 0).put((byte) page).putShort((short) body.length).put(body);
    return data.array();
  }

  /** SPC-4 7.8.6: names of the unit, then of the target port and the target. */
  private static byte[] designators(Identity identity) {
    byte[] vendor = ascii("CAIRN   " + identity.serial(), 40);
    byte[] port = name(String.format("%s,t,0x%04x", identity.targetName(), identity.targetPort()));
    byte[] target = name(identity.targetName());
    ByteBuffer data =
        ByteBuffer.allocate(12 + 4 + vendor.length + 8 + 8 + port.length + target.length + 8);
    data.order(BIG_ENDIAN);
    // Binary NAA of the unit.
    data.put((byte) 0x01).put((byte) 0x03).put((byte) 0).put((byte) 8).putLong(identity.naa());
    // ASCII T10 vendor identification of the unit.
    data.put((byte) 0x02).put((byte) 0x01).put((byte) 0).put((byte) vendor.length).put(vendor);
    // Relative port and target port group, which has this port only; the protocol is iSCSI.
    int number = identity.targetPort();
    data.put((byte) 0x51).put((byte) 0x94).put((byte) 0).put((byte) 4).putInt(number);
    data.put((byte) 0x51).put((byte) 0x95).put((byte) 0).put((byte) 4).putInt(number);
    data.put((byte) 0x53).put((byte) 0x98).put((byte) 0).put((byte) port.length).put(port);
    data.put((byte) 0x53).put((byte) 0xa8).put((byte) 0).put((byte) target.length).put(target);
    return data.array();
  }

  /** A SCSI name string: UTF-8, ended by zero, a multiple of four. */
  private static byte[] name(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    return java.util.Arrays.copyOf(utf8, utf8.length / 4 * 4 + 4);
  }

  /** SPC-4 7.8.7: simple tasks, a volatile cache. */
  private static byte[] extended() {
    byte[] body = new byte[60];
    body[1] = 0x01;
    body[2] = 0x01;
    return body;
  }

  /** SPC-4 7.8.17: descriptors of what EXTENDED COPY can do. */
  private static byte[] thirdPartyCopy(int blockBytes) {
    ByteBuffer body = ByteBuffer.allocate(96).order(BIG_ENDIAN);
    // Supported commands: EXTENDED COPY 0, and RECEIVE COPY RESULTS 0 and 3.
    body.putShort((short) 0x0001).putShort((short) 8).put((byte) 7);
    body.put((byte) 0x83).put((byte) 1).put((byte) 0);
    body.put((byte) 0x84).put((byte) 2).put((byte) 0).put((byte) 3);
    // Parameter data.
    body.putShort((short) 0x0004).putShort((short) 28).putInt(0);
    body.putShort((short) ExtendedCopy.TARGETS_MAX).putShort((short) ExtendedCopy.SEGMENTS_MAX);
    body.putInt(ExtendedCopy.DESCRIPTORS_BYTES_MAX).position(body.position() + 16);
    // Supported descriptors, padded to a multiple of four.
    body.putShort((short) 0x0008).putShort((short) 4).put((byte) 2);
    body.put(ExtendedCopy.DESCRIPTOR_TYPES).put((byte) 0);
    // General copy operations: copies at one time, with and without an identifier; granularity.
    body.putShort((short) 0x8001).putShort((short) 32).putInt(16).putInt(16);
    body.putInt(ExtendedCopy.SEGMENT_BLOCKS_MAX * blockBytes);
    body.put((byte) Integer.numberOfTrailingZeros(blockBytes));
    body.position(12 + 32 + 8 + 36);
    return java.util.Arrays.copyOf(body.array(), body.position());
  }

  private static byte[] limits(int blockBytes) {
    ByteBuffer body = ByteBuffer.allocate(60).order(BIG_ENDIAN);
    int physical = BlockCommands.PHYSICAL_BLOCK_BYTES / blockBytes;
    int transferMax = BlockCommands.TRANSFER_BYTES_MAX / blockBytes;
    // WSNZ: a WRITE SAME of no blocks is refused.
    body.put((byte) 1).put((byte) BlockCommands.COMPARE_BLOCKS_MAX).putShort((short) physical);
    body.putInt(transferMax);
    body.putInt(BlockCommands.TRANSFER_BYTES_OPTIMAL / blockBytes).putInt(transferMax);
    body.putInt(ProvisioningCommands.UNMAP_BLOCKS_MAX);
    body.putInt(ProvisioningCommands.UNMAP_DESCRIPTORS_MAX);
    body.putInt(physical).putInt(0x8000_0000);
    body.putLong(ProvisioningCommands.WRITE_SAME_BYTES_MAX / blockBytes);
    return body.array();
  }

  /** SBC-4 6.6.2: it does not rotate; WABEREQ 1: after BLOCK ERASE, reads succeed. */
  private static byte[] characteristics() {
    byte[] body = new byte[60];
    body[1] = 1;
    body[3] = 0x40;
    return body;
  }

  private static byte[] ascii(String text, int length) {
    byte[] bytes = new byte[length];
    java.util.Arrays.fill(bytes, (byte) ' ');
    byte[] characters = text.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(characters, 0, bytes, 0, Math.min(length, characters.length));
    return bytes;
  }
}
