package io.cairn.client.scsi;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.cairn.client.volume.VolumeIo;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import org.agrona.DirectBuffer;

/**
 * Commands that move or compare blocks, SBC-3 section 5. Logical blocks have 512 bytes, physical
 * ones 4 KiB: the volume merges what is not whole.
 */
final class BlockCommands {
  static final int BLOCK_BYTES = 512;
  static final int PHYSICAL_BLOCK_BYTES = 4096;

  /** MAXIMUM TRANSFER LENGTH, 32 MiB. */
  static final int TRANSFER_BLOCKS_MAX = 65_536;

  /** OPTIMAL TRANSFER LENGTH, 1 MiB. */
  static final int TRANSFER_BLOCKS_OPTIMAL = 2048;

  /** MAXIMUM COMPARE AND WRITE LENGTH: what one byte can say. */
  static final int COMPARE_BLOCKS_MAX = 255;

  /** MAXIMUM UNMAP LBA COUNT: no limit. */
  static final int UNMAP_BLOCKS_MAX = 0xffff_ffff;

  /** MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT. */
  static final int UNMAP_DESCRIPTORS_MAX = 256;

  /** MAXIMUM WRITE SAME LENGTH, 4 GiB. */
  static final long WRITE_SAME_BLOCKS_MAX = 8_388_608;

  private static final int WRITE_SAME_PIECE_BYTES = 1 << 20;
  private static final int STATUS_BLOCKS_MAX = 2_097_152;
  private static final int STATUS_DESCRIPTORS_MAX = 1024;

  private static final int FUA = 0x08;

  private final VolumeIo io;
  private final Payloads payloads;
  private final ModePages modes;
  private final AtomicRanges ranges = new AtomicRanges();

  BlockCommands(VolumeIo io, Payloads payloads, ModePages modes) {
    this.io = io;
    this.payloads = payloads;
    this.modes = modes;
  }

  long capacityBlocks() {
    return io.sizeBytes() / BLOCK_BYTES;
  }

  /** Bytes that a command takes from the initiator; at most 32 MiB. */
  static long dataOutBytes(Command command, DirectBuffer cdb) {
    return switch (command) {
      case WRITE_6,
          WRITE_10,
          WRITE_12,
          WRITE_16,
          WRITE_AND_VERIFY_10,
          WRITE_AND_VERIFY_12,
          WRITE_AND_VERIFY_16,
          ORWRITE ->
          limited(Cdb.blocks(cdb));
      case COMPARE_AND_WRITE -> 2L * limited(Cdb.blocks(cdb));
      case VERIFY_10, VERIFY_12, VERIFY_16 ->
          switch (Cdb.unsignedByte(cdb, 1) >>> 1 & 3) {
            case 1 -> limited(Cdb.blocks(cdb));
            case 3 -> BLOCK_BYTES;
            default -> 0;
          };
      case WRITE_SAME_10 -> BLOCK_BYTES;
      case WRITE_SAME_16 -> (Cdb.unsignedByte(cdb, 1) & 1) != 0 ? 0 : BLOCK_BYTES;
      case UNMAP, MODE_SELECT_10 -> Cdb.unsignedShort(cdb, 7);
      case MODE_SELECT_6 -> Cdb.unsignedByte(cdb, 4);
      case PR_OUT_REGISTER,
          PR_OUT_RESERVE,
          PR_OUT_RELEASE,
          PR_OUT_CLEAR,
          PR_OUT_PREEMPT,
          PR_OUT_PREEMPT_AND_ABORT,
          PR_OUT_REGISTER_AND_IGNORE ->
          Math.min(Cdb.unsignedInt(cdb, 5), 4096);
      default -> 0;
    };
  }

  /** The rest fails at the gate: nobody sends it. */
  private static long limited(long blocks) {
    return blocks > TRANSFER_BLOCKS_MAX ? 0 : blocks * BLOCK_BYTES;
  }

  /** The gate of all commands with an address and a length: null, or what is wrong. */
  private Sense problem(DirectBuffer cdb, long blocks, long blocksMax, boolean protects) {
    long lba = Cdb.lba(cdb);
    long capacity = capacityBlocks();
    if (protects && (Cdb.unsignedByte(cdb, 1) & 0xe0) != 0) {
      return Sense.invalidField(1);
    }
    if (lba < 0 || lba > capacity || blocks > capacity - lba) {
      return Sense.LBA_OUT_OF_RANGE;
    }
    if (blocks > blocksMax) {
      int length = Cdb.unsignedByte(cdb, 0) >>> 5;
      return Sense.invalidField(length == 4 ? 10 : length == 5 ? 6 : 7);
    }
    return null;
  }

  void read(DirectBuffer cdb, Completion done) {
    long blocks = Cdb.blocks(cdb);
    Sense problem = problem(cdb, blocks, TRANSFER_BLOCKS_MAX, cdb.getByte(0) != 0x08);
    if (problem != null) {
      done.check(problem);
    } else if (blocks == 0) {
      done.good();
    } else {
      io.read(
          Cdb.lba(cdb) * BLOCK_BYTES,
          (int) blocks * BLOCK_BYTES,
          (data, failure) -> {
            if (failure == null) {
              done.done(Scsi.GOOD, null, data);
            } else {
              done.check(senseOf(failure, false));
            }
          });
    }
  }

  /**
   * WRITE and WRITE AND VERIFY. Fewer bytes than the length in the CDB are written as far as they
   * make whole blocks: the residual tells the initiator.
   */
  void write(DirectBuffer cdb, Payload data, boolean verify, Completion done) {
    long blocks = Cdb.blocks(cdb);
    boolean six = cdb.getByte(0) == 0x0a;
    Sense problem = problem(cdb, blocks, TRANSFER_BLOCKS_MAX, !six);
    if (problem != null) {
      done.check(problem);
      return;
    }
    int length = data == null ? 0 : data.length() / BLOCK_BYTES * BLOCK_BYTES;
    if (length == 0) {
      done.good();
      return;
    }
    long offset = Cdb.lba(cdb) * BLOCK_BYTES;
    boolean durable =
        verify || !modes.writeCache() || !six && (Cdb.unsignedByte(cdb, 1) & FUA) != 0;
    Payload whole = data.slice(0, length);
    boolean compares = verify && (Cdb.unsignedByte(cdb, 1) & 2) != 0;
    ranges.write(
        offset,
        length,
        () ->
            io.write(
                offset,
                whole,
                durable,
                failure -> {
                  if (failure != null || !compares) {
                    whole.release();
                    end(failure, done);
                  } else {
                    compare(offset, whole, done);
                  }
                }));
  }

  /** Compares what is there with a payload, which is released. */
  private void compare(long offset, Payload expected, Completion done) {
    io.read(
        offset,
        expected.length(),
        (read, failure) -> {
          int differs = failure == null ? mismatch(read, expected, expected.length()) : -1;
          expected.release();
          if (failure != null) {
            done.check(senseOf(failure, false));
          } else if (differs >= 0) {
            done.check(Sense.miscompare(differs));
          } else {
            done.good();
          }
        });
  }

  private static int mismatch(Payload one, Payload other, int length) {
    for (int i = 0; i < length; i++) {
      if (one.buffer().getByte(one.offset() + i) != other.buffer().getByte(other.offset() + i)) {
        return i;
      }
    }
    return -1;
  }

  /** VERIFY, SBC-3 5.29: BYTCHK 0 reads, 1 compares block by block, 3 with one block. */
  void verify(DirectBuffer cdb, Payload data, Completion done) {
    long blocks = Cdb.blocks(cdb);
    int check = Cdb.unsignedByte(cdb, 1) >>> 1 & 3;
    Sense problem = problem(cdb, blocks, check == 0 ? Long.MAX_VALUE : TRANSFER_BLOCKS_MAX, true);
    if (problem == null && check == 2) {
      problem = Sense.invalidField(1);
    }
    if (problem != null) {
      done.check(problem);
      return;
    }
    long offset = Cdb.lba(cdb) * BLOCK_BYTES;
    if (blocks == 0) {
      done.good();
    } else if (check == 0) {
      readAll(offset, blocks * BLOCK_BYTES, done);
    } else if (check == 1) {
      if (data == null || data.length() < blocks * BLOCK_BYTES) {
        done.check(Sense.INVALID_INFORMATION_UNIT);
        return;
      }
      data.retain();
      compare(offset, data, done);
    } else {
      if (data == null || data.length() < BLOCK_BYTES) {
        done.check(Sense.INVALID_INFORMATION_UNIT);
        return;
      }
      compare(offset, repeated(data, (int) blocks * BLOCK_BYTES), done);
    }
  }

  /** Reads in pieces, so that all checksums are seen to. */
  private void readAll(long offset, long length, Completion done) {
    if (length == 0) {
      done.good();
      return;
    }
    int piece = (int) Math.min(length, TRANSFER_BLOCKS_OPTIMAL * (long) BLOCK_BYTES);
    io.read(
        offset,
        piece,
        (read, failure) -> {
          if (failure != null) {
            done.check(senseOf(failure, false));
          } else {
            readAll(offset + piece, length - piece, done);
          }
        });
  }

  private Payload repeated(Payload block, int length) {
    Payloads.Writable whole = payloads.allocate(length);
    for (int at = 0; at < length; at += BLOCK_BYTES) {
      whole.mutable().putBytes(whole.offset() + at, block.buffer(), block.offset(), BLOCK_BYTES);
    }
    return whole;
  }

  /** WRITE SAME, SBC-3 5.43 and 5.44; 0 blocks would mean all up to the last: WSNZ refuses it. */
  void writeSame(DirectBuffer cdb, Payload data, Completion done) {
    boolean sixteen = Cdb.unsignedByte(cdb, 0) == 0x93;
    int flags = Cdb.unsignedByte(cdb, 1);
    long lba = Cdb.lba(cdb);
    long blocks = Cdb.blocks(cdb);
    Sense problem = problem(cdb, blocks, WRITE_SAME_BLOCKS_MAX, true);
    if (problem == null && blocks == 0) {
      problem = Sense.invalidField(sixteen ? 10 : 7);
    }
    boolean noData = sixteen && (flags & 0x01) != 0;
    boolean unmap = (flags & 0x08) != 0;
    if (problem == null && ((flags & 0x10) != 0 || (flags & 0x06) != 0)) {
      // ANCHOR is not offered; PBDATA and LBDATA are obsolete.
      problem = Sense.invalidField(1);
    }
    if (problem == null && !noData && (data == null || data.length() < BLOCK_BYTES)) {
      problem = Sense.INVALID_INFORMATION_UNIT;
    }
    if (problem != null) {
      done.check(problem);
      return;
    }
    long offset = lba * BLOCK_BYTES;
    long length = blocks * BLOCK_BYTES;
    if (noData || isZero(data)) {
      ranges.write(
          offset,
          length,
          () -> io.zero(offset, length, unmap, !modes.writeCache(), failure -> end(failure, done)));
    } else {
      Payload pattern = repeated(data, (int) Math.min(length, WRITE_SAME_PIECE_BYTES));
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
            end(failure, done);
          }
        });
  }

  private static boolean isZero(Payload block) {
    for (int i = 0; i < BLOCK_BYTES; i += 8) {
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
        long blocks = list.getInt(at + 16 + 16 * i, BIG_ENDIAN) & 0xffffffffL;
        if (lba < 0 || lba > capacityBlocks() || blocks > capacityBlocks() - lba) {
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
    long offset = list.buffer().getLong(list.offset() + 8 + 16 * at, BIG_ENDIAN) * BLOCK_BYTES;
    long length = unmapBlocks(list, at) * BLOCK_BYTES;
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
                    end(failure, done);
                  }
                }));
  }

  private static long unmapBlocks(Payload list, int index) {
    return list.buffer().getInt(list.offset() + 16 + 16 * index, BIG_ENDIAN) & 0xffffffffL;
  }

  /** COMPARE AND WRITE, SBC-3 5.3: half of the data is what must be there, half what comes. */
  void compareAndWrite(DirectBuffer cdb, Payload data, Completion done) {
    int length = (int) Cdb.blocks(cdb) * BLOCK_BYTES;
    readMergeWrite(
        cdb,
        COMPARE_BLOCKS_MAX,
        2,
        data,
        (read, end) -> {
          int differs = mismatch(read, data, length);
          if (differs >= 0) {
            end.check(Sense.miscompare(differs));
            return null;
          }
          return data.slice(length, length);
        },
        done);
  }

  /** ORWRITE(16), SBC-3 5.7. */
  void orWrite(DirectBuffer cdb, Payload data, Completion done) {
    readMergeWrite(
        cdb,
        TRANSFER_BLOCKS_MAX,
        1,
        data,
        (read, end) -> {
          Payloads.Writable merged = payloads.allocate(read.length());
          for (int i = 0; i < read.length(); i += 8) {
            long there = read.buffer().getLong(read.offset() + i);
            long wanted = data.buffer().getLong(data.offset() + i);
            merged.mutable().putLong(merged.offset() + i, there | wanted);
          }
          return merged;
        },
        done);
  }

  /** What a command that reads and writes as one makes of what it read. */
  private interface Merge {
    /**
     * What is to be written, which the caller releases; or null, when the command was ended.
     *
     * @param read borrowed.
     */
    Payload merge(Payload read, Completion end);
  }

  /**
   * Reads a range, merges and writes it, while nobody else writes there (SBC-3 4.24.1).
   *
   * @param dataPerBlock blocks that the initiator sends for each block of the range.
   */
  private void readMergeWrite(
      DirectBuffer cdb,
      long blocksMax,
      int dataPerBlock,
      Payload data,
      Merge merge,
      Completion done) {
    long blocks = Cdb.blocks(cdb);
    Sense problem = problem(cdb, blocks, blocksMax, true);
    int length = (int) (problem == null ? blocks * BLOCK_BYTES : 0);
    if (problem == null && blocks > 0 && (data == null || data.length() < dataPerBlock * length)) {
      problem = Sense.INVALID_INFORMATION_UNIT;
    }
    if (problem != null) {
      done.check(problem);
      return;
    }
    if (blocks == 0) {
      done.good();
      return;
    }
    long offset = Cdb.lba(cdb) * BLOCK_BYTES;
    boolean durable = !modes.writeCache() || (Cdb.unsignedByte(cdb, 1) & FUA) != 0;
    data.retain();
    Completion last =
        (status, sense, none) -> {
          data.release();
          ranges.release(offset, length);
          done.done(status, sense, none);
        };
    ranges.enter(
        offset,
        length,
        () ->
            io.read(
                offset,
                length,
                (read, failure) -> {
                  if (failure != null) {
                    last.check(senseOf(failure, false));
                    return;
                  }
                  Payload merged = merge.merge(read, last);
                  if (merged == null) {
                    return;
                  }
                  io.write(
                      offset,
                      merged,
                      durable,
                      writeFailure -> {
                        merged.release();
                        end(writeFailure, last);
                      });
                }));
  }

  /** SYNCHRONIZE CACHE: whatever the range, everything becomes durable. */
  void synchronizeCache(DirectBuffer cdb, Completion done) {
    Sense problem = problem(cdb, Cdb.blocks(cdb), Long.MAX_VALUE, false);
    if (problem != null) {
      done.check(problem);
    } else {
      io.flush(failure -> end(failure, done));
    }
  }

  void flush(Completion done) {
    io.flush(failure -> end(failure, done));
  }

  /** PRE-FETCH, SBC-3 5.8: there is nothing to fetch into; it is not said that all fits. */
  void prefetch(DirectBuffer cdb, Completion done) {
    Sense problem = problem(cdb, Cdb.blocks(cdb), Long.MAX_VALUE, false);
    if (problem != null) {
      done.check(problem);
    } else {
      done.good();
    }
  }

  /** GET LBA STATUS, SBC-3 5.5: mapped, or deallocated where nothing but zeroes is read. */
  void lbaStatus(DirectBuffer cdb, ParameterData parameters, Completion done) {
    long lba = cdb.getLong(2, BIG_ENDIAN);
    long wanted = Cdb.unsignedInt(cdb, 10);
    if (lba < 0 || lba >= capacityBlocks()) {
      done.check(Sense.LBA_OUT_OF_RANGE);
      return;
    }
    int descriptorsMax = Math.clamp((wanted - 8) / 16, 1, STATUS_DESCRIPTORS_MAX);
    long blocks = Math.min(capacityBlocks() - lba, STATUS_BLOCKS_MAX);
    io.extents(
        lba * BLOCK_BYTES,
        blocks * BLOCK_BYTES,
        (lengths, kinds, count, failure) -> {
          if (failure != null) {
            done.check(senseOf(failure, false));
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
            data.putLong(at).putInt((int) (bytes / BLOCK_BYTES)).putInt(mapped ? 0 : 0x0100_0000);
            at += bytes / BLOCK_BYTES;
          }
          data.putInt(0, data.position() - 4);
          parameters.send(java.util.Arrays.copyOf(data.array(), data.position()), wanted, done);
        });
  }

  private static void end(VolumeIo.Failure failure, Completion done) {
    if (failure == null) {
      done.good();
    } else {
      done.check(senseOf(failure, true));
    }
  }

  /** The one place where a failure of the volume becomes sense data. */
  static Sense senseOf(VolumeIo.Failure failure, boolean writes) {
    return switch (failure) {
      // Target port in unavailable state, SPC-4 5.15.2.4: another gateway has the volume.
      case FENCED -> new Sense(Sense.NOT_READY, 0x040c);
      case CLOSED -> new Sense(Sense.NOT_READY, 0x0400);
      // Unrecovered read error, or write error.
      case UNREADABLE -> new Sense(Sense.MEDIUM_ERROR, writes ? 0x0c00 : 0x1100);
      // Space allocation failed write protect, SBC-3 4.7.3.4.
      case NO_SPACE -> new Sense(Sense.DATA_PROTECT, 0x2707);
      // Command timeout during processing.
      case TIMED_OUT -> new Sense(Sense.ABORTED_COMMAND, 0x2e02);
    };
  }
}
