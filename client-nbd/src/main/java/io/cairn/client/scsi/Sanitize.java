package io.cairn.client.scsi;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.cairn.client.scsi.ReservationStore.Outcome;
import io.cairn.client.volume.VolumeIo;
import io.cairn.metadata.model.ReservationRecord.Sanitizing;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import java.util.HexFormat;
import org.agrona.DirectBuffer;

/**
 * SANITIZE, SBC-4 4.11 and 5.34: BLOCK ERASE makes the whole volume a hole, OVERWRITE writes a
 * pattern everywhere, as often as it is told. It stands in the metadata from before its first step
 * until its end is durable, so that the gateway that gets the volume next begins it anew.
 *
 * <pre>
 * IDLE --on record, by us or by whoever had the volume before--> RUNNING
 * RUNNING --all done, and struck off the record--> IDLE
 * RUNNING --a step failed, and that is on record--> FAILED
 * FAILED --SANITIZE--> RUNNING   FAILED --EXIT FAILURE MODE after AUSE--> IDLE
 * any --the port is not active any more--> IDLE: it is the next owner's
 * </pre>
 *
 * <p>One step is under way at a time, of a chunk or a MiB, so that other volumes are served beside
 * it. Initiators that reset, log out or abort do not stop it.
 *
 * <pre>
 * CDB              1 IMMED (80h), ZNR (40h), AUSE (20h), service action   7 list length (16)
 * parameter list   0 INVERT (80h), TEST (60h), count   2 pattern length (16)   4 pattern
 * </pre>
 */
final class Sanitize {
  /** What an OVERWRITE has in front of its pattern. */
  static final int HEADER_BYTES = 4;

  private static final int PIECE_BYTES = 1 << 20;
  private static final int IMMEDIATE = 0x80;
  private static final int UNRESTRICTED = 0x20;
  private static final int PROGRESS_DONE = 0xffff;

  /** One that is under way. */
  private static final class Run {
    private final Sanitizing what;
    private Payload piece;
    private int pass;
    private long offsetBytes;

    /** A step may end before the call that began it returns: the next one is a turn of a loop. */
    private boolean stepping;

    private boolean again;

    /**
     * Puts its beginning or end on record again, when whether it is there is not known; else null.
     */
    private Runnable unrecorded;

    Run(Sanitizing what) {
      this.what = what;
    }
  }

  private final VolumeIo io;
  private final GatedVolume gate;
  private final BlockCommands blocks;
  private final Payloads payloads;
  private final PersistentReservations records;
  private Run run;
  private boolean failed;
  private Completion waiter;
  private DirectBuffer waiterCdb;
  private Runnable idle = () -> {};

  /**
   * That of one unit.
   *
   * @param io the volume itself; others are kept from it by the gate.
   */
  Sanitize(
      VolumeIo io,
      GatedVolume gate,
      BlockCommands blocks,
      Payloads payloads,
      PersistentReservations records) {
    this.io = io;
    this.gate = gate;
    this.blocks = blocks;
    this.payloads = payloads;
    this.records = records;
  }

  /** Runs the action whenever one has ended. */
  void onEnd(Runnable action) {
    idle = action;
  }

  boolean isRunning() {
    return run != null;
  }

  /** What keeps other commands from the unit; null when nothing does. */
  Sense sense() {
    return run != null ? Sense.sanitizing(progress()) : failed ? Sense.SANITIZE_FAILED : null;
  }

  /** PROGRESS INDICATION: 65536ths. */
  private int progress() {
    double part = (double) run.offsetBytes / Math.max(1, io.sizeBytes());
    return (int) Math.min(PROGRESS_DONE, (run.pass + part) / passes(run.what) * 65_536);
  }

  private static int passes(Sanitizing what) {
    return Math.max(1, what.passes());
  }

  /** Whether a command may run beside it, SBC-4 4.11.2, or mends its failure. */
  boolean admits(Command command) {
    return run == null && !failed
        || command.access == Command.Access.FREE
        || run == null && isSanitize(command);
  }

  static boolean isSanitize(Command command) {
    return command == Command.SANITIZE_OVERWRITE
        || command == Command.SANITIZE_BLOCK_ERASE
        || command == Command.SANITIZE_EXIT_FAILURE_MODE;
  }

  /** SANITIZE; the CDB is as long as the command runs. */
  void execute(Command command, DirectBuffer cdb, Payload data, Completion done) {
    int flags = Cdb.unsignedByte(cdb, 1);
    Sanitizing last = records.sanitizing();
    boolean unrestricted = (flags & UNRESTRICTED) != 0;
    Sense problem = problem(command, cdb);
    boolean restricted = failed && last != null && !last.unrestricted();
    if (problem == null
        && restricted
        && (unrestricted || command == Command.SANITIZE_EXIT_FAILURE_MODE)) {
      // SBC-4 4.11.5: what failed without AUSE is left by a SANITIZE without AUSE only.
      problem = Sense.invalidField(1);
    }
    if (problem != null) {
      done.check(problem);
    } else if (command == Command.SANITIZE_EXIT_FAILURE_MODE) {
      exitFailure(last, done);
    } else if (command == Command.SANITIZE_BLOCK_ERASE) {
      begin(new Sanitizing(0, "", false, unrestricted, false), flags, cdb, done);
    } else {
      overwrite(cdb, data, flags, done);
    }
  }

  private Sense problem(Command command, DirectBuffer cdb) {
    if ((Cdb.unsignedByte(cdb, 1) & 0x40) != 0) {
      return Sense.invalidField(1);
    }
    for (int i = 2; i < 7; i++) {
      if (cdb.getByte(i) != 0) {
        return Sense.invalidField(i);
      }
    }
    int listBytes = Cdb.unsignedShort(cdb, 7);
    boolean fits =
        command == Command.SANITIZE_OVERWRITE
            ? listBytes > HEADER_BYTES && listBytes <= HEADER_BYTES + blocks.blockBytes()
            : listBytes == 0;
    return fits ? null : Sense.invalidField(7);
  }

  private void overwrite(DirectBuffer cdb, Payload data, int flags, Completion done) {
    int listBytes = Cdb.unsignedShort(cdb, 7);
    if (data == null || data.length() < listBytes) {
      done.check(Sense.PARAMETER_LIST_LENGTH);
      return;
    }
    byte[] list = new byte[listBytes];
    data.buffer().getBytes(data.offset(), list);
    int patternBytes = data.buffer().getShort(data.offset() + 2, BIG_ENDIAN) & 0xffff;
    int passes = list[0] & 0x1f;
    if (passes == 0
        || (list[0] & 0x60) != 0
        || patternBytes == 0
        || patternBytes != listBytes - HEADER_BYTES) {
      done.check(Sense.INVALID_PARAMETER_LIST);
      return;
    }
    String pattern = HexFormat.of().formatHex(list, HEADER_BYTES, listBytes);
    boolean inverts = (list[0] & 0x80) != 0;
    begin(
        new Sanitizing(passes, pattern, inverts, (flags & UNRESTRICTED) != 0, false),
        flags,
        cdb,
        done);
  }

  private void exitFailure(Sanitizing last, Completion done) {
    if (!failed) {
      done.good();
      return;
    }
    records.storeSanitizing(
        last,
        null,
        false,
        outcome -> {
          if (outcome == Outcome.STORED) {
            failed = false;
            done.good();
          } else {
            done.done(Scsi.BUSY, null, null);
          }
        });
  }

  private void begin(Sanitizing what, int flags, DirectBuffer cdb, Completion done) {
    Run begun = new Run(what);
    Sanitizing former = records.sanitizing();
    enter(begun);
    waiter = done;
    waiterCdb = cdb;
    begin(begun, former, (flags & IMMEDIATE) != 0);
  }

  /**
   * Goes on once it is on record. While that is not known, the unit is not ready and nobody is
   * answered: who was told that it did not begin would write what it erases later.
   */
  private void begin(Run begun, Sanitizing former, boolean immediate) {
    records.storeSanitizing(
        former,
        begun.what,
        true,
        outcome -> {
          if (run != begun) {
            return;
          }
          switch (outcome) {
            case STORED -> {
              if (immediate) {
                end(null);
              }
              advance(begun);
            }
            case UNKNOWN -> begun.unrecorded = () -> begin(begun, former, immediate);
            case STALE -> {
              leave(false);
              end(BlockCommands.senseOf(VolumeIo.Failure.FENCED, true));
              resume();
            }
          }
        });
  }

  /** The port is active: what is on record goes on here, from its beginning. */
  void resume() {
    Sanitizing known = records.sanitizing();
    if (run != null || known == null) {
      return;
    }
    if (known.failed()) {
      failed = true;
    } else {
      Run begun = new Run(known);
      enter(begun);
      advance(begun);
    }
  }

  /** The port is not active any more: somebody else goes on with it. */
  void suspend() {
    if (run != null) {
      leave(false);
      end(BlockCommands.senseOf(VolumeIo.Failure.FENCED, true));
    }
    failed = false;
  }

  /** A beginning or an end of which it is not known whether it is on record is tried again. */
  void remind() {
    if (run != null && run.unrecorded != null) {
      Runnable trial = run.unrecorded;
      run.unrecorded = null;
      trial.run();
    }
  }

  /** Whoever sent that command does not wait any more; what it began goes on. */
  void abandon(DirectBuffer cdb) {
    if (cdb == waiterCdb) {
      end(null);
    }
  }

  private void end(Sense sense) {
    Completion done = waiter;
    waiter = null;
    waiterCdb = null;
    if (done == null) {
      return;
    }
    if (sense == null) {
      done.good();
    } else {
      done.check(sense);
    }
  }

  private void enter(Run begun) {
    run = begun;
    failed = false;
    gate.shut(true);
  }

  private void leave(boolean isFailed) {
    if (run.piece != null && !run.stepping) {
      run.piece.release();
      run.piece = null;
    }
    run = null;
    failed = isFailed;
    gate.shut(false);
  }

  private void advance(Run current) {
    current.again = true;
    if (current.stepping) {
      return;
    }
    current.stepping = true;
    while (current.again && run == current) {
      current.again = false;
      step(current);
    }
    current.stepping = false;
    if (run != current && current.piece != null) {
      current.piece.release();
      current.piece = null;
    }
  }

  private void step(Run current) {
    long left = io.sizeBytes() - current.offsetBytes;
    if (left <= 0 && ++current.pass < passes(current.what)) {
      current.offsetBytes = 0;
      left = io.sizeBytes();
    }
    if (left <= 0) {
      io.flush(failure -> flushed(current, failure));
      return;
    }
    boolean erases = current.what.passes() == 0;
    int length = (int) Math.min(left, erases ? io.chunkSizeBytes() : PIECE_BYTES);
    if (erases) {
      io.zero(
          current.offsetBytes, length, true, false, failure -> stepped(current, length, failure));
      return;
    }
    if (current.offsetBytes == 0 && (current.piece == null || current.what.inverts())) {
      if (current.piece != null) {
        current.piece.release();
      }
      current.piece = piece(current);
    }
    Payload part = current.piece.slice(0, length);
    io.write(
        current.offsetBytes,
        part,
        false,
        failure -> {
          part.release();
          stepped(current, length, failure);
        });
  }

  /** A MiB of blocks, each filled with the pattern from its beginning. */
  private Payload piece(Run current) {
    byte[] pattern = HexFormat.of().parseHex(current.what.pattern());
    int inversion = current.what.inverts() && current.pass % 2 == 1 ? 0xff : 0;
    Payloads.Writable block = payloads.allocate(blocks.blockBytes());
    for (int i = 0; i < blocks.blockBytes(); i++) {
      block.mutable().putByte(block.offset() + i, (byte) (pattern[i % pattern.length] ^ inversion));
    }
    Payload whole = blocks.repeated(block, PIECE_BYTES);
    block.release();
    return whole;
  }

  private void stepped(Run current, int length, VolumeIo.Failure failure) {
    if (run != current) {
      return;
    }
    if (failure == null) {
      current.offsetBytes += length;
      advance(current);
    } else {
      failed(current, failure);
    }
  }

  private void flushed(Run current, VolumeIo.Failure failure) {
    if (run != current) {
      return;
    }
    if (failure != null) {
      failed(current, failure);
    } else {
      record(current, null);
    }
  }

  private void failed(Run current, VolumeIo.Failure failure) {
    if (failure == VolumeIo.Failure.FENCED || failure == VolumeIo.Failure.CLOSED) {
      suspend();
    } else {
      record(current, current.what.afterFailure());
    }
  }

  /** Puts the end on record: nothing, or a failure. */
  private void record(Run current, Sanitizing next) {
    records.storeSanitizing(
        current.what,
        next,
        false,
        outcome -> {
          if (run != current) {
            return;
          }
          if (outcome == Outcome.UNKNOWN) {
            current.unrecorded = () -> record(current, next);
            return;
          }
          leave(next != null);
          end(next == null ? null : Sense.SANITIZE_FAILED);
          idle.run();
        });
  }
}
