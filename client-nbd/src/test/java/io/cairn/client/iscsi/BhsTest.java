package io.cairn.client.iscsi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.wire.Crc32c;
import java.util.HexFormat;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** The layout of RFC 7143 section 11, in bytes. */
class BhsTest {
  private static String hex(Bhs bhs) {
    return HexFormat.of().formatHex(bhs.bytes().byteArray());
  }

  @Test
  void readyToTransferHasItsBytes() {
    Bhs bhs = new Bhs().begin(Iscsi.R2T, Iscsi.FLAG_FINAL).initiatorTaskTag(0x01020304);
    bhs.lun(0x0001_0000_0000_0000L).put(Bhs.TAG_OR_LENGTH, 0x11).put(Bhs.STAT_SN, 0x22);
    bhs.put(Bhs.EXP_CMD_SN, 0x33).put(Bhs.MAX_CMD_SN, 0x44).put(Bhs.DATA_SN, 0x55);
    bhs.put(Bhs.BUFFER_OFFSET, 0x66).put(Bhs.RESIDUAL, 0x77);
    assertEquals(
        "3180000000000000"
            + "0001000000000000"
            + "0102030400000011"
            + "0000002200000033"
            + "0000004400000055"
            + "0000006600000077",
        hex(bhs));
  }

  @Test
  void scsiCommandIsRead() {
    byte[] wire =
        HexFormat.of()
            .parseHex(
                "41e1000000000200"
                    + "0000000000000000"
                    + "000000a100000200"
                    + "0000000700000003"
                    + "2a08000001000000"
                    + "0100000000000000");
    Bhs bhs = new Bhs().copyFrom(new UnsafeBuffer(wire), 0);
    assertEquals(Iscsi.SCSI_COMMAND, bhs.opcode());
    assertTrue(bhs.isImmediate());
    assertTrue(bhs.has(Iscsi.FLAG_FINAL) && bhs.has(Iscsi.FLAG_READ) && bhs.has(Iscsi.FLAG_WRITE));
    assertEquals(512, bhs.dataSegmentBytes());
    assertEquals(0, bhs.additionalHeaderBytes());
    assertEquals(0xa1, bhs.initiatorTaskTag());
    assertEquals(512, bhs.get(Bhs.TAG_OR_LENGTH));
    assertEquals(7, bhs.get(Bhs.CMD_SN));
    assertEquals(3, bhs.get(Bhs.EXP_STAT_SN));
    assertEquals(0x2a, bhs.unsignedByte(Bhs.CDB_OFFSET));
  }

  @Test
  void lengthLeavesAdditionalHeadersAlone() {
    Bhs bhs = new Bhs().begin(Iscsi.NOP_IN, 0).putByte(4, 3).dataSegmentBytes(0xabcdef);
    assertEquals(12, bhs.additionalHeaderBytes());
    assertEquals(0xabcdef, bhs.dataSegmentBytes());
    assertThrows(IllegalArgumentException.class, () -> bhs.dataSegmentBytes(1 << 24));
    assertEquals(0, Bhs.padding(8));
    assertEquals(3, Bhs.padding(5));
    assertEquals(1, Bhs.padding(7));
  }

  /** RFC 7143 appendix A.4; the digest goes out with its lowest byte first. */
  @Test
  void digestIsThatOfTheStandard() {
    Crc32c crc = new Crc32c();
    UnsafeBuffer zeroes = new UnsafeBuffer(new byte[32]);
    assertEquals(0xaa36918a, Integer.reverseBytes(crc.of(zeroes, 0, 32)));
    byte[] rising = new byte[32];
    for (int i = 0; i < 32; i++) {
      rising[i] = (byte) i;
    }
    assertEquals(0x4e79dd46, Integer.reverseBytes(crc.of(new UnsafeBuffer(rising), 0, 32)));
  }
}
