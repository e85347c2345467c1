package io.cairn.client.scsi;

import io.cairn.client.volume.VolumeIo;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import org.agrona.DirectBuffer;

/**
 * Commands that move or compare blocks, SBC-3 section 5. Logical blocks have 512 bytes or 4 KiB,
 * physical ones 4 KiB: the volume merges what is not whole.
 */
final class BlockCommands {
  /** The volume's own blocks. */
  static final int PHYSICAL_BLOCK_BYTES = 4096;

  /** MAXIMUM TRANSFER LENGTH, in bytes. */
  static final int TRANSFER_BYTES_MAX = 32 << 20;

  /** OPTIMAL TRANSFER LENGTH, in bytes. */
  static final int TRANSFER_BYTES_OPTIMAL = 1 << 20;

  /** MAXIMUM COMPARE AND WRITE LENGTH: what one byte can say. */
  static final int COMPARE_BLOCKS_MAX = 255;

  private static final int FUA = 0x08;

  private final VolumeIo io;
  private final Payloads payloads;
  private final ModePages modes;
  private final AtomicRanges ranges;
  private final int blockBytes;

  /**
   * The commands of one unit.
   *
   * @param blockBytes logical block length, 512 or 4096.
   */
  BlockCommands(
      VolumeIo io, Payloads payloads, ModePages modes, AtomicRanges ranges, int blockBytes) {
    this.io = io;
    this.ranges = ranges;
    this.blockBytes = blockBytes;
    this.payloads = payloads;
    this.modes = modes;
  }

  long capacityBlocks() {
    return io.sizeBytes() / blockBytes;
  }

  int blockBytes() {
    return blockBytes;
  }

  /** Bytes that a command takes from the initiator; at most 32 MiB. */
  long dataOutBytes(Command command, DirectBuffer cdb) {
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
            case 3 -> blockBytes;
            default -> 0;
          };
      case WRITE_SAME_10 -> blockBytes;
      case WRITE_SAME_16 -> (Cdb.unsignedByte(cdb, 1) & 1) != 0 ? 0 : blockBytes;
      case UNMAP, MODE_SELECT_10 -> Cdb.unsignedShort(cdb, 7);
      case MODE_SELECT_6 -> Cdb.unsignedByte(cdb, 4);
      case PR_OUT_REGISTER,
          PR_OUT_RESERVE,
          PR_OUT_RELEASE,
          PR_OUT_CLEAR,
          PR_OUT_PREEMPT,
          PR_OUT_PREEMPT_AND_ABORT,
          PR_OUT_REGISTER_AND_IGNORE,
          PR_OUT_REGISTER_AND_MOVE ->
          Math.min(Cdb.unsignedInt(cdb, 5), PersistentReservations.LIST_BYTES_MAX);
      case SANITIZE_OVERWRITE ->
          Math.min(Cdb.unsignedShort(cdb, 7), Sanitize.HEADER_BYTES + blockBytes);
      case EXTENDED_COPY -> Math.min(Cdb.unsignedInt(cdb, 10), ExtendedCopy.LIST_BYTES_MAX);
      default -> 0;
    };
  }

  /** The rest fails at the gate: nobody sends it. */
  private long limited(long blocks) {
    return blocks > TRANSFER_BYTES_MAX / blockBytes ? 0 : blocks * blockBytes;
  }

  /** The gate of all commands with an address and a length: null, or what is wrong. */
  Sense problem(DirectBuffer cdb, long blocks, long blocksMax, boolean protects) {
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
    Sense problem = problem(cdb, blocks, TRANSFER_BYTES_MAX / blockBytes, cdb.getByte(0) != 0x08);
    if (problem != null) {
      done.check(problem);
    } else if (blocks == 0) {
      done.good();
    } else {
      io.read(
          Cdb.lba(cdb) * blockBytes,
          (int) blocks * blockBytes,
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
    Sense problem = problem(cdb, blocks, TRANSFER_BYTES_MAX / blockBytes, !six);
    if (problem != null) {
      done.check(problem);
      return;
    }
    int length = data == null ? 0 : data.length() / blockBytes * blockBytes;
    if (length == 0) {
      done.good();
      return;
    }
    long offset = Cdb.lba(cdb) * blockBytes;
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
    Sense problem =
        problem(cdb, blocks, check == 0 ? Long.MAX_VALUE : TRANSFER_BYTES_MAX / blockBytes, true);
    if (problem == null && check == 2) {
      problem = Sense.invalidField(1);
    }
    if (problem != null) {
      done.check(problem);
      return;
    }
    long offset = Cdb.lba(cdb) * blockBytes;
    if (blocks == 0) {
      done.good();
    } else if (check == 0) {
      readAll(offset, blocks * blockBytes, done);
    } else if (check == 1) {
      if (data == null || data.length() < blocks * blockBytes) {
        done.check(Sense.INVALID_INFORMATION_UNIT);
        return;
      }
      data.retain();
      compare(offset, data, done);
    } else {
      if (data == null || data.length() < blockBytes) {
        done.check(Sense.INVALID_INFORMATION_UNIT);
        return;
      }
      compare(offset, repeated(data, (int) blocks * blockBytes), done);
    }
  }

  /** Reads in pieces, so that all checksums are seen to. */
  private void readAll(long offset, long length, Completion done) {
    if (length == 0) {
      done.good();
      return;
    }
    int piece = (int) Math.min(length, TRANSFER_BYTES_OPTIMAL);
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

  Payload repeated(Payload block, int length) {
    Payloads.Writable whole = payloads.allocate(length);
    for (int at = 0; at < length; at += blockBytes) {
      whole.mutable().putBytes(whole.offset() + at, block.buffer(), block.offset(), blockBytes);
    }
    return whole;
  }

  /** COMPARE AND WRITE, SBC-3 5.3: half of the data is what must be there, half what comes. */
  void compareAndWrite(DirectBuffer cdb, Payload data, Completion done) {
    int length = (int) Cdb.blocks(cdb) * blockBytes;
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
        TRANSFER_BYTES_MAX / blockBytes,
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
    int length = (int) (problem == null ? blocks * blockBytes : 0);
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
    long offset = Cdb.lba(cdb) * blockBytes;
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

  /** Copies bytes to a unit, this one or another, for EXTENDED COPY. */
  void copy(long fromOffset, BlockCommands to, long toOffset, int length, Completion done) {
    io.read(
        fromOffset,
        length,
        (read, failure) -> {
          if (failure != null) {
            done.check(senseOf(failure, false));
            return;
          }
          read.retain();
          to.ranges.write(
              toOffset,
              length,
              () ->
                  to.io.write(
                      toOffset,
                      read,
                      !to.modes.writeCache(),
                      writeFailure -> {
                        read.release();
                        end(writeFailure, done);
                      }));
        });
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

  static void end(VolumeIo.Failure failure, Completion done) {
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
