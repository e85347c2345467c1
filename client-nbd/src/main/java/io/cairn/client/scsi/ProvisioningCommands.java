package io.cairn.client.scsi;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.cairn.client.volume.VolumeIo;
import io.cairn.storage.env.Payload;
import org.agrona.DirectBuffer;

/** Commands of thin provisioning and of many blocks alike, SBC-3 4.7: WRITE SAME, UNMAP, status. */
final class ProvisioningCommands {
  /** MAXIMUM UNMAP LBA COUNT: no limit. */
  static final int UNMAP_BLOCKS_MAX = 0xffff_ffff;

  /** MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT. */
  static final int UNMAP_DESCRIPTORS_MAX = 256;

  /** MAXIMUM WRITE SAME LENGTH, in bytes. */
  static final long WRITE_SAME_BYTES_MAX = 4L << 30;

  private static final int WRITE_SAME_PIECE_BYTES = 1 << 20;
  private static final int STATUS_BYTES_MAX = 1 << 30;
  private static final int STATUS_DESCRIPTORS_MAX = 1024;

  private final VolumeIo io;
  private final BlockCommands blocks;
  private final ModePages modes;
  private final AtomicRanges ranges;
  private final int blockBytes;

  ProvisioningCommands(VolumeIo io, BlockCommands blocks, ModePages modes, AtomicRanges ranges) {
    this.io = io;
    this.blocks = blocks;
    this.modes = modes;
    this.ranges = ranges;
    blockBytes = blocks.blockBytes();
  }

  /** WRITE SAME, SBC-3 5.43 and 5.44; 0 blocks would mean all up to the last: WSNZ refuses it. */
  void writeSame(DirectBuffer cdb, Payload data, Completion done) {
    boolean sixteen = Cdb.unsignedByte(cdb, 0) == 0x93;
    int flags = Cdb.unsignedByte(cdb, 1);
    long lba = Cdb.lba(cdb);
    long count = Cdb.blocks(cdb);
    Sense problem = blocks.problem(cdb, count, WRITE_SAME_BYTES_MAX / blockBytes, true);
    if (problem == null && count == 0) {
      problem = Sense.invalidField(sixteen ? 10 : 7);
    }
    boolean noData = sixteen && (flags & 0x01) != 0;
    boolean unmap = (flags & 0x08) != 0;
    if (problem == null && ((flags & 0x10) != 0 || (flags & 0x06) != 0)) {
      // ANCHOR is not offered; PBDATA and LBDATA are obsolete.
      problem = Sense.invalidField(1);
    }
    if (problem == null && !noData && (data == null || data.length() < blockBytes)) {
      problem = Sense.INVALID_INFORMATION_UNIT;
    }
    if (problem != null) {
      done.check(problem);
      return;
    }
    long offset = lba * blockBytes;
    long length = count * blockBytes;
    if (noData || isZero(data)) {
      ranges.write(
          offset,
          length,
          () ->
              io.zero(
                  offset,
                  length,
                  unmap,
                  !modes.writeCache(),
                  failure -> BlockCommands.end(failure, done)));
    } else {
      Payload pattern = blocks.repeated(data, (int) Math.min(length, WRITE_SAME_PIECE_BYTES));
      ranges.write(offset, length, () -> writeRepeated(offset, length, pattern, done));
    }
  }

  private void writeRepeated(long offset, long length, Payload pattern, Completion done) {
    int piece = (int) Math.min(length, pattern.length());
    Payload part = pattern.slice(0, piece);
    io.write(
        offset,
        part,
        !modes.writeCache(),
        failure -> {
          part.release();
          if (failure == null && piece < length) {
            writeRepeated(offset + piece, length - piece, pattern, done);
          } else {
            pattern.release();
            BlockCommands.end(failure, done);
          }
        });
  }

  private boolean isZero(Payload block) {
    for (int i = 0; i < blockBytes; i += 8) {
      if (block.buffer().getLong(block.offset() + i) != 0) {
        return false;
      }
    }
    return true;
  }

  /** UNMAP, SBC-3 5.28. */
  void unmap(DirectBuffer cdb, Payload data, Completion done) {
    int listBytes = Cdb.unsignedShort(cdb, 7);
    if ((Cdb.unsignedByte(cdb, 1) & 1) != 0) {
      done.check(Sense.invalidField(1));
    } else if (listBytes == 0) {
      done.good();
    } else if (data == null || data.length() < 8) {
      done.check(Sense.PARAMETER_LIST_LENGTH);
    } else {
      DirectBuffer list = data.buffer();
      int at = data.offset();
      int bytes = list.getShort(at + 2, BIG_ENDIAN) & 0xffff;
      int count = Math.min(bytes, data.length() - 8) / 16;
      Sense problem = count > UNMAP_DESCRIPTORS_MAX ? Sense.INVALID_PARAMETER_LIST : null;
      for (int i = 0; i < count && problem == null; i++) {
        long lba = list.getLong(at + 8 + 16 * i, BIG_ENDIAN);
        long length = list.getInt(at + 16 + 16 * i, BIG_ENDIAN) & 0xffffffffL;
        if (lba < 0 || lba > blocks.capacityBlocks() || length > blocks.capacityBlocks() - lba) {
          problem = Sense.LBA_OUT_OF_RANGE;
        }
      }
      if (problem != null) {
        done.check(problem);
        return;
      }
      data.retain();
      unmapNext(data, 0, count, done);
    }
  }

  private void unmapNext(Payload list, int index, int count, Completion done) {
    int next = index;
    while (next < count && unmapBlocks(list, next) == 0) {
      next++;
    }
    if (next == count) {
      list.release();
      done.good();
      return;
    }
    int at = next;
    long offset = list.buffer().getLong(list.offset() + 8 + 16 * at, BIG_ENDIAN) * blockBytes;
    long length = unmapBlocks(list, at) * blockBytes;
    ranges.write(
        offset,
        length,
        () ->
            io.zero(
                offset,
                length,
                true,
                !modes.writeCache(),
                failure -> {
                  if (failure == null) {
                    unmapNext(list, at + 1, count, done);
                  } else {
                    list.release();
                    BlockCommands.end(failure, done);
                  }
                }));
  }

  private static long unmapBlocks(Payload list, int index) {
    return list.buffer().getInt(list.offset() + 16 + 16 * index, BIG_ENDIAN) & 0xffffffffL;
  }

  /** GET LBA STATUS, SBC-3 5.5: mapped, or deallocated where nothing but zeroes is read. */
  void lbaStatus(DirectBuffer cdb, ParameterData parameters, Completion done) {
    long lba = cdb.getLong(2, BIG_ENDIAN);
    long wanted = Cdb.unsignedInt(cdb, 10);
    if (lba < 0 || lba >= blocks.capacityBlocks()) {
      done.check(Sense.LBA_OUT_OF_RANGE);
      return;
    }
    int descriptorsMax = Math.clamp((wanted - 8) / 16, 1, STATUS_DESCRIPTORS_MAX);
    long asked = Math.min((blocks.capacityBlocks() - lba) * blockBytes, STATUS_BYTES_MAX);
    io.extents(
        lba * blockBytes,
        asked,
        (lengths, kinds, count, failure) -> {
          if (failure != null) {
            done.check(BlockCommands.senseOf(failure, false));
            return;
          }
          java.nio.ByteBuffer data =
              java.nio.ByteBuffer.allocate(8 + 16 * descriptorsMax).order(BIG_ENDIAN);
          data.position(8);
          long at = lba;
          for (int i = 0; i < count && data.hasRemaining(); ) {
            boolean mapped = kinds[i] == 2;
            long bytes = 0;
            for (; i < count && kinds[i] == 2 == mapped; i++) {
              bytes += lengths[i];
            }
            data.putLong(at).putInt((int) (bytes / blockBytes)).putInt(mapped ? 0 : 0x0100_0000);
            at += bytes / blockBytes;
          }
          data.putInt(0, data.position() - 4);
          parameters.send(java.util.Arrays.copyOf(data.array(), data.position()), wanted, done);
        });
  }
}
