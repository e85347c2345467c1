package io.cairn.client.scsi;

import static java.nio.ByteOrder.BIG_ENDIAN;

import org.agrona.DirectBuffer;

/** Fields of command descriptor blocks, SPC-4 4.2.5: by the length that the first byte implies. */
final class Cdb {
  private Cdb() {}

  static int unsignedByte(DirectBuffer cdb, int at) {
    return cdb.getByte(at) & 0xff;
  }

  static int unsignedShort(DirectBuffer cdb, int at) {
    return cdb.getShort(at, BIG_ENDIAN) & 0xffff;
  }

  static long unsignedInt(DirectBuffer cdb, int at) {
    return cdb.getInt(at, BIG_ENDIAN) & 0xffffffffL;
  }

  private static int group(DirectBuffer cdb) {
    return unsignedByte(cdb, 0) >>> 5;
  }

  /** LOGICAL BLOCK ADDRESS; as it stands, so that one of 64 bits may be negative. */
  static long lba(DirectBuffer cdb) {
    return switch (group(cdb)) {
      case 0 -> cdb.getInt(0, BIG_ENDIAN) & 0x1fffff;
      case 4 -> cdb.getLong(2, BIG_ENDIAN);
      default -> unsignedInt(cdb, 2);
    };
  }

  /** TRANSFER LENGTH or its like, in blocks; in a CDB of 6 bytes 0 stands for 256. */
  static long blocks(DirectBuffer cdb) {
    return switch (group(cdb)) {
      case 0 -> unsignedByte(cdb, 4) == 0 ? 256 : unsignedByte(cdb, 4);
      case 1, 2 -> unsignedShort(cdb, 7);
      case 4 -> unsignedByte(cdb, 0) == 0x89 ? unsignedByte(cdb, 13) : unsignedInt(cdb, 10);
      default -> unsignedInt(cdb, 6);
    };
  }
}
