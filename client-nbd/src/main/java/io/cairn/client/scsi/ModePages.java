package io.cairn.client.scsi;

import static java.nio.ByteOrder.BIG_ENDIAN;

import java.nio.ByteBuffer;

/** Mode parameters, SPC-4 7.5 and SBC-3 6.5: three bits of them can be changed. */
final class ModePages {
  static final int CACHING = 0x08;
  static final int CONTROL = 0x0a;
  static final int INFORMATIONAL_EXCEPTIONS = 0x1c;
  static final int ALL = 0x3f;

  private static final int[] PAGES = {CACHING, CONTROL, INFORMATIONAL_EXCEPTIONS};
  private static final int WRITE_CACHE = 0x04;
  private static final int DESCRIPTOR_SENSE = 0x04;
  private static final int SOFTWARE_WRITE_PROTECT = 0x08;
  private static final int DEVICE_WRITE_PROTECTED = 0x80;
  private static final int DEVICE_DPO_FUA = 0x10;

  private boolean writeCache = true;
  private boolean descriptorSense;
  private boolean writeProtect;

  /** WCE: without it every write is durable before it is answered. */
  boolean writeCache() {
    return writeCache;
  }

  /** D_SENSE. */
  boolean descriptorSense() {
    return descriptorSense;
  }

  /** SWP. */
  boolean writeProtect() {
    return writeProtect;
  }

  void reset() {
    writeCache = true;
    descriptorSense = false;
    writeProtect = false;
  }

  /**
   * Mode data, SPC-4 6.11 and 6.12.
   *
   * @param ten whether it is the form of 10 bytes.
   * @param control 0 current, 1 changeable, 2 default.
   * @return null when there is no such page.
   */
  byte[] sense(
      boolean ten,
      boolean blockDescriptor,
      int control,
      int page,
      int subpage,
      long blocks,
      int blockBytes) {
    if (subpage != 0 && !(subpage == 0xff && page == ALL)) {
      return null;
    }
    ByteBuffer data = ByteBuffer.allocate(128).order(BIG_ENDIAN);
    int header = ten ? 8 : 4;
    int descriptor = blockDescriptor ? 8 : 0;
    data.position(header);
    if (blockDescriptor) {
      data.putInt((int) Math.min(blocks, 0xffffffffL)).putInt(blockBytes);
    }
    for (int one : PAGES) {
      if (page == one || page == ALL) {
        data.put(page(one, control));
      }
    }
    int length = data.position();
    if (length == header + descriptor) {
      return null;
    }
    int device = DEVICE_DPO_FUA | (writeProtect ? DEVICE_WRITE_PROTECTED : 0);
    if (ten) {
      data.putShort(0, (short) (length - 2)).put(3, (byte) device).putShort(6, (short) descriptor);
    } else {
      data.put(0, (byte) (length - 1)).put(2, (byte) device).put(3, (byte) descriptor);
    }
    return java.util.Arrays.copyOf(data.array(), length);
  }

  private byte[] page(int page, int control) {
    boolean changeable = control == 1;
    boolean fallback = control == 2;
    byte[] bytes = new byte[page == CACHING ? 20 : 12];
    bytes[0] = (byte) page;
    bytes[1] = (byte) (bytes.length - 2);
    switch (page) {
      case CACHING -> bytes[2] = (byte) (changeable || fallback || writeCache ? WRITE_CACHE : 0);
      case CONTROL -> {
        bytes[2] = (byte) (changeable || !fallback && descriptorSense ? DESCRIPTOR_SENSE : 0);
        bytes[4] = (byte) (changeable || !fallback && writeProtect ? SOFTWARE_WRITE_PROTECT : 0);
        if (!changeable) {
          // Commands may be reordered; they take as long as they take.
          bytes[3] = 0x10;
          bytes[8] = (byte) 0xff;
          bytes[9] = (byte) 0xff;
        }
      }
      default -> bytes[2] = (byte) (changeable ? 0 : 0x08);
    }
    return bytes;
  }

  /** MODE SELECT, SPC-4 6.9: takes the parameters over, all or none; null or what is wrong. */
  Sense select(boolean ten, byte[] list) {
    if (list.length == 0) {
      return null;
    }
    int header = ten ? 8 : 4;
    if (list.length < header) {
      return Sense.PARAMETER_LIST_LENGTH;
    }
    int descriptor = ten ? (list[6] & 0xff) << 8 | list[7] & 0xff : list[3] & 0xff;
    if (descriptor != 0 && descriptor != 8) {
      return Sense.INVALID_PARAMETER_LIST;
    }
    boolean cache = writeCache;
    boolean described = descriptorSense;
    boolean protect = writeProtect;
    int at = header + descriptor;
    while (at < list.length) {
      int page = list[at] & 0xff;
      boolean known = page == CACHING || page == CONTROL || page == INFORMATIONAL_EXCEPTIONS;
      if (!known) {
        return Sense.INVALID_PARAMETER_LIST;
      }
      byte[] present = page(page, 0);
      byte[] changeable = page(page, 1);
      if (at + present.length > list.length) {
        return Sense.PARAMETER_LIST_LENGTH;
      }
      for (int i = 1; i < present.length; i++) {
        int fixed = i == 1 ? 0xff : ~changeable[i];
        if (((list[at + i] ^ present[i]) & fixed) != 0) {
          return Sense.INVALID_PARAMETER_LIST;
        }
      }
      if (page == CACHING) {
        cache = (list[at + 2] & WRITE_CACHE) != 0;
      } else if (page == CONTROL) {
        described = (list[at + 2] & DESCRIPTOR_SENSE) != 0;
        protect = (list[at + 4] & SOFTWARE_WRITE_PROTECT) != 0;
      }
      at += present.length;
    }
    writeCache = cache;
    descriptorSense = described;
    writeProtect = protect;
    return null;
  }
}
