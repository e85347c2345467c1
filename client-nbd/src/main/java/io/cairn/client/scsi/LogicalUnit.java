package io.cairn.client.scsi;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.cairn.client.volume.VolumeIo;
import io.cairn.metadata.model.ReservationRecord;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.agrona.DirectBuffer;

/**
 * One logical unit that is a volume, as all its initiators see it: direct access block device, LUN
 * 0 of its target. Every command passes {@link #execute}: unit attentions first, then reservations
 * (SAM-5 5.14), then the command. On the volume's loop.
 */
public final class LogicalUnit {
  /** How long a port may take from one state to the next, as initiators are told. */
  private static final int TRANSITION_SECONDS = 30;

  private final Identity identity;
  private final VolumeIo io;
  private final TargetPorts ports;
  private final ParameterData parameters;
  private final ModePages modes = new ModePages();
  private final BlockCommands blocks;
  private final ProvisioningCommands provisioning;
  private final ExtendedCopy copies;
  private final SupportedOperations operations;
  private final PersistentReservations reservations;
  private final Sanitize sanitize;
  private final Map<String, Nexus> nexuses = new LinkedHashMap<>();
  private long knownBlocks;

  /**
   * A unit without initiators.
   *
   * @param ports through which it is seen.
   * @param store where its registrations and reservations are kept; to be told by {@link
   *     #learnReservations} before the first command.
   * @param blockBytes logical block length, 512 or 4096; the physical one is 4096.
   */
  public LogicalUnit(
      Identity identity,
      VolumeIo io,
      TargetPorts ports,
      ReservationStore store,
      Payloads payloads,
      int blockBytes) {
    if (blockBytes != 512 && blockBytes != BlockCommands.PHYSICAL_BLOCK_BYTES) {
      throw new IllegalArgumentException("a logical block of " + blockBytes + " bytes");
    }
    this.identity = identity;
    this.io = io;
    this.ports = ports;
    parameters = new ParameterData(payloads);
    AtomicRanges ranges = new AtomicRanges();
    GatedVolume gate = new GatedVolume(io);
    blocks = new BlockCommands(gate, payloads, modes, ranges, blockBytes);
    provisioning = new ProvisioningCommands(gate, blocks, modes, ranges);
    copies = new ExtendedCopy(identity, blocks, parameters);
    operations = new SupportedOperations(parameters);
    reservations =
        new PersistentReservations(nexuses, store, parameters, ports, identity.targetPort());
    sanitize = new Sanitize(io, gate, blocks, payloads, reservations);
    knownBlocks = blocks.capacityBlocks();
  }

  /** The volume behind it. */
  public VolumeIo io() {
    return io;
  }

  /** Takes who registered and reserved as it is on record, or as it was some time ago. */
  public void learnReservations(ReservationRecord record) {
    reservations.learn(record);
    if (ports.state() == TargetPorts.State.ACTIVE) {
      sanitize.resume();
    }
  }

  /** Whether a SANITIZE is under way, which needs the volume though no initiator may be there. */
  public boolean isSanitizing() {
    return sanitize.isRunning();
  }

  /** Runs the action whenever a SANITIZE has ended. */
  public void onSanitized(Runnable action) {
    sanitize.onEnd(action);
  }

  /** From time to time: what could not be put on record is tried again. */
  public void remind() {
    sanitize.remind();
  }

  /**
   * The initiator does not wait for a command any more. One whose effects go on without it ends.
   *
   * @param cdb the very one with which it was begun.
   */
  public void abandon(DirectBuffer cdb) {
    sanitize.abandon(cdb);
  }

  /**
   * A new I_T nexus; one of the same port must have been detached.
   *
   * @param isid 48 bits, which with the name make the initiator port's name.
   */
  public Nexus attach(String initiatorName, long isid, Nexus.TaskSet tasks) {
    String portName = TransportId.portName(initiatorName, isid);
    Nexus nexus = new Nexus(portName, tasks);
    if (nexuses.putIfAbsent(portName, nexus) != null) {
      throw new IllegalStateException("two nexuses of the port " + portName);
    }
    nexus.attention(Sense.POWER_ON);
    return nexus;
  }

  /** I_T nexus loss: RESERVE(6) ends with it, registrations stay. */
  public void detach(Nexus nexus) {
    nexuses.remove(nexus.portName(), nexus);
    copies.forget(nexus);
    reservations.release(nexus);
  }

  /** Whether sense data is in descriptor format. */
  public boolean descriptorSense() {
    return modes.descriptorSense();
  }

  /** Bytes that a command takes from its initiator; 0 when it is none that we know. */
  public long dataOutBytes(DirectBuffer cdb) {
    Command command = Command.of(cdb);
    return command == null ? 0 : blocks.dataOutBytes(command, cdb);
  }

  long naa() {
    return identity.naa();
  }

  void copiesTo(CopyUnits units) {
    copies.reach(units);
  }

  /** How a copy that an initiator sent to another unit uses this one; null when it cannot. */
  CopyEnd copyEnd(Nexus manager) {
    ThirdPartyAccess access =
        new ThirdPartyAccess(
            manager.portName(), nexuses, ports, blocks, modes, sanitize, reservations);
    return access.isReachable() ? access : null;
  }

  /** LOGICAL UNIT RESET, SAM-5 6.3.3; runs the action when nothing of before is under way. */
  public void reset(Runnable ended) {
    modes.reset();
    reservations.reset();
    nexuses.values().forEach(nexus -> nexus.resetAttention(Sense.RESET));
    abort(List.copyOf(nexuses.values()), ended);
  }

  /** CLEAR TASK SET, SAM-5 7.5: the tasks of all, who are told. */
  public void clearTaskSet(Nexus by, Runnable ended) {
    for (Nexus nexus : nexuses.values()) {
      if (nexus != by) {
        nexus.attention(Sense.COMMANDS_CLEARED);
      }
    }
    abort(List.copyOf(nexuses.values()), ended);
  }

  private static void abort(List<Nexus> all, Runnable ended) {
    int[] left = {all.size()};
    if (all.isEmpty()) {
      ended.run();
    }
    for (Nexus nexus : all) {
      nexus
          .tasks()
          .abortTasks(
              () -> {
                if (--left[0] == 0) {
                  ended.run();
                }
              });
    }
  }

  /**
   * Runs a command.
   *
   * @param lun 64 bits, as they came.
   * @param cdb {@link Scsi#CDB_BYTES} bytes, which stay as they are until the command ends.
   * @param expectedOutBytes what the initiator means to send; it may be more or less than the
   *     command takes.
   * @param dataOut what came with it, at most {@link #dataOutBytes}, borrowed; null when nothing.
   */
  public void execute(
      Nexus nexus,
      long lun,
      DirectBuffer cdb,
      long expectedOutBytes,
      Payload dataOut,
      Completion done) {
    Command command = Command.of(cdb);
    noticeCapacity();
    if (!Scsi.isLunZero(lun)) {
      executeNowhere(command, cdb, done);
      return;
    }
    boolean attends =
        command != Command.INQUIRY
            && command != Command.REPORT_LUNS
            && command != Command.REQUEST_SENSE;
    Sense attention = attends ? nexus.takeAttention() : null;
    if (attention != null) {
      done.check(attention);
    } else if (command == null) {
      done.check(
          Command.hasServiceActions(Cdb.unsignedByte(cdb, 0))
              ? Sense.invalidField(1)
              : Sense.INVALID_OPERATION_CODE);
    } else if ((Cdb.unsignedByte(cdb, command.cdbBytes() - 1) & 0x04) != 0) {
      // NACA: we do not have ACA, SAM-5 5.2.
      done.check(Sense.invalidField(command.cdbBytes() - 1));
    } else if (command.needsMedium() && ports.state() != TargetPorts.State.ACTIVE) {
      Completion later = holding(dataOut, done);
      ports.wanted(
          () -> {
            if (ports.state() == TargetPorts.State.ACTIVE) {
              unlessReserved(command, nexus, cdb, expectedOutBytes, dataOut, later);
            } else {
              later.check(Sense.PORT_IN_STANDBY);
            }
          });
    } else {
      unlessReserved(command, nexus, cdb, expectedOutBytes, dataOut, done);
    }
  }

  /** Keeps what a command brought until it ends: it does not run at once. */
  private static Completion holding(Payload dataOut, Completion done) {
    if (dataOut == null) {
      return done;
    }
    dataOut.retain();
    return (status, sense, data) -> {
      dataOut.release();
      done.done(status, sense, data);
    };
  }

  private void unlessReserved(
      Command command,
      Nexus nexus,
      DirectBuffer cdb,
      long expectedOutBytes,
      Payload dataOut,
      Completion done) {
    if (!reservations.conflicts(nexus, command)) {
      permitted(command, nexus, cdb, expectedOutBytes, dataOut, done);
      return;
    }
    Completion later = holding(dataOut, done);
    reservations.unlessConflict(
        nexus,
        command,
        later,
        () -> permitted(command, nexus, cdb, expectedOutBytes, dataOut, later));
  }

  /** The port through which the unit is seen here is in another state: SPC-4 5.16.2.1. */
  public void accessStateChanged() {
    nexuses.values().forEach(nexus -> nexus.attention(Sense.ACCESS_STATE_CHANGED));
    if (ports.state() != TargetPorts.State.ACTIVE) {
      // RESERVE(6) is known to one gateway only: it ends as with a reset.
      reservations.reset();
      sanitize.suspend();
    } else {
      sanitize.resume();
    }
  }

  private void permitted(
      Command command,
      Nexus nexus,
      DirectBuffer cdb,
      long expectedOutBytes,
      Payload dataOut,
      Completion done) {
    if (!sanitize.admits(command)) {
      sanitize.remind();
      Sense hindrance = sanitize.sense();
      if (hindrance != null) {
        done.check(hindrance);
        return;
      }
    }
    if (command.access == Command.Access.WRITES && isProtected(command)) {
      done.check(Sense.WRITE_PROTECTED);
    } else if (isMisfit(command, cdb, expectedOutBytes)) {
      done.check(Sense.invalidField(command == Command.COMPARE_AND_WRITE ? 13 : 1));
    } else {
      run(command, nexus, cdb, dataOut, done);
    }
  }

  /** A part of what is compared or repeated, or more of it, means something else than was meant. */
  private boolean isMisfit(Command command, DirectBuffer cdb, long expectedOutBytes) {
    return switch (command) {
      case COMPARE_AND_WRITE, WRITE_SAME_10, WRITE_SAME_16 ->
          expectedOutBytes != blocks.dataOutBytes(command, cdb);
      default -> false;
    };
  }

  private boolean isProtected(Command command) {
    return modes.writeProtect()
        && command != Command.MODE_SELECT_6
        && command != Command.MODE_SELECT_10
        && command != Command.SYNCHRONIZE_CACHE_10
        && command != Command.SYNCHRONIZE_CACHE_16;
  }

  /** Everybody is told of a resize, SBC-3 4.12. */
  private void noticeCapacity() {
    long now = blocks.capacityBlocks();
    if (now != knownBlocks) {
      knownBlocks = now;
      nexuses.values().forEach(nexus -> nexus.attention(Sense.CAPACITY_CHANGED));
    }
  }

  /** A LUN at which there is no unit, SAM-5 4.7.4 and SPC-4 5.5.3. */
  private void executeNowhere(Command command, DirectBuffer cdb, Completion done) {
    switch (command) {
      case INQUIRY -> inquiry(cdb, false, done);
      case REPORT_LUNS -> reportLuns(cdb, done);
      case REQUEST_SENSE ->
          parameters.send(
              Sense.UNIT_NOT_SUPPORTED.encode((Cdb.unsignedByte(cdb, 1) & 1) != 0),
              Cdb.unsignedByte(cdb, 4),
              done);
      case null, default -> done.check(Sense.UNIT_NOT_SUPPORTED);
    }
  }

  private void run(Command command, Nexus nexus, DirectBuffer cdb, Payload data, Completion done) {
    switch (command) {
      case READ_6, READ_10, READ_12, READ_16 -> blocks.read(cdb, done);
      case WRITE_6, WRITE_10, WRITE_12, WRITE_16 -> blocks.write(cdb, data, false, done);
      case WRITE_AND_VERIFY_10, WRITE_AND_VERIFY_12, WRITE_AND_VERIFY_16 ->
          blocks.write(cdb, data, true, done);
      case TEST_UNIT_READY -> done.good();
      case REQUEST_SENSE -> {
        Sense attention = nexus.takeAttention();
        Sense state = attention == null ? sanitize.sense() : attention;
        parameters.send(
            (state == null ? Sense.NONE : state).encode((Cdb.unsignedByte(cdb, 1) & 1) != 0),
            Cdb.unsignedByte(cdb, 4),
            done);
      }
      case INQUIRY -> inquiry(cdb, true, done);
      case REPORT_LUNS -> reportLuns(cdb, done);
      case READ_CAPACITY_10 -> readCapacity10(cdb, done);
      case READ_CAPACITY_16 -> readCapacity16(cdb, done);
      case MODE_SENSE_6 -> modeSense(cdb, false, done);
      case MODE_SENSE_10 -> modeSense(cdb, true, done);
      case MODE_SELECT_6 -> modeSelect(nexus, cdb, false, data, done);
      case MODE_SELECT_10 -> modeSelect(nexus, cdb, true, data, done);
      case RESERVE_6 -> {
        reservations.reserve(nexus);
        done.good();
      }
      case RELEASE_6 -> {
        reservations.release(nexus);
        done.good();
      }
      case START_STOP_UNIT -> startStop(cdb, done);
      case PREVENT_ALLOW -> {
        // The medium cannot be removed: there is nothing to prevent.
        if ((Cdb.unsignedByte(cdb, 4) & 2) != 0) {
          done.check(Sense.invalidField(4));
        } else {
          done.good();
        }
      }
      case VERIFY_10, VERIFY_12, VERIFY_16 -> blocks.verify(cdb, data, done);
      case PRE_FETCH_10, PRE_FETCH_16 -> blocks.prefetch(cdb, done);
      case SYNCHRONIZE_CACHE_10, SYNCHRONIZE_CACHE_16 -> blocks.synchronizeCache(cdb, done);
      case WRITE_SAME_10, WRITE_SAME_16 -> provisioning.writeSame(cdb, data, done);
      case UNMAP -> provisioning.unmap(cdb, data, done);
      case SANITIZE_OVERWRITE, SANITIZE_BLOCK_ERASE, SANITIZE_EXIT_FAILURE_MODE ->
          sanitize.execute(command, cdb, data, done);
      case COMPARE_AND_WRITE -> blocks.compareAndWrite(cdb, data, done);
      case ORWRITE -> blocks.orWrite(cdb, data, done);
      case EXTENDED_COPY -> copies.copy(nexus, cdb, data, done);
      case RECEIVE_COPY_STATUS -> copies.status(nexus, cdb, done);
      case RECEIVE_COPY_OPERATING_PARAMETERS -> copies.operatingParameters(cdb, done);
      case READ_DEFECT_DATA_10 -> defects(cdb, 4, Cdb.unsignedShort(cdb, 7), done);
      case READ_DEFECT_DATA_12 -> defects(cdb, 8, Cdb.unsignedInt(cdb, 6), done);
      case GET_LBA_STATUS -> provisioning.lbaStatus(cdb, parameters, done);
      case REPORT_TARGET_PORT_GROUPS -> targetPortGroups(cdb, done);
      case REPORT_SUPPORTED_OPERATION_CODES -> operations.operationCodes(cdb, done);
      case REPORT_SUPPORTED_TASK_MANAGEMENT -> operations.taskManagement(cdb, done);
      case PR_IN_READ_KEYS,
          PR_IN_READ_RESERVATION,
          PR_IN_REPORT_CAPABILITIES,
          PR_IN_READ_FULL_STATUS ->
          reservations.in(command, cdb, done);
      case PR_OUT_REGISTER,
          PR_OUT_RESERVE,
          PR_OUT_RELEASE,
          PR_OUT_CLEAR,
          PR_OUT_PREEMPT,
          PR_OUT_PREEMPT_AND_ABORT,
          PR_OUT_REGISTER_AND_IGNORE,
          PR_OUT_REGISTER_AND_MOVE ->
          reservations.out(nexus, command, cdb, data, done);
    }
  }

  private void inquiry(DirectBuffer cdb, boolean unitIsHere, Completion done) {
    boolean vital = (Cdb.unsignedByte(cdb, 1) & 1) != 0;
    int page = Cdb.unsignedByte(cdb, 2);
    int allocation = Cdb.unsignedShort(cdb, 3);
    if (!vital && page != 0) {
      done.check(Sense.invalidField(2));
      return;
    }
    byte[] data =
        !vital
            ? Inquiry.standard(unitIsHere)
            : unitIsHere ? Inquiry.page(page, identity, blocks.blockBytes()) : null;
    if (data == null) {
      done.check(Sense.invalidField(2));
    } else {
      parameters.send(data, allocation, done);
    }
  }

  private void reportLuns(DirectBuffer cdb, Completion done) {
    int select = Cdb.unsignedByte(cdb, 2);
    long allocation = Cdb.unsignedInt(cdb, 6);
    if (select > 2) {
      done.check(Sense.invalidField(2));
    } else if (allocation < 16) {
      done.check(Sense.invalidField(6));
    } else {
      // LUN 0; well known units there are none.
      byte[] data = new byte[select == 1 ? 8 : 16];
      data[3] = (byte) (select == 1 ? 0 : 8);
      parameters.send(data, allocation, done);
    }
  }

  /** REPORT TARGET PORT GROUPS, SPC-4 6.37: each port is a group. */
  private void targetPortGroups(DirectBuffer cdb, Completion done) {
    int format = Cdb.unsignedByte(cdb, 1) >>> 5;
    long allocation = Cdb.unsignedInt(cdb, 6);
    if (format > 1) {
      done.check(Sense.invalidField(1));
      return;
    }
    ports.report(
        all -> {
          int headerBytes = format == 0 ? 4 : 8;
          int length = headerBytes + 12 * all.size();
          ByteBuffer data = ByteBuffer.allocate(length).order(BIG_ENDIAN).putInt(length - 4);
          if (format == 1) {
            data.put((byte) 0x10).put((byte) TRANSITION_SECONDS).putShort((short) 0);
          }
          for (TargetPorts.Port port : all) {
            // Supported: transitioning, unavailable, standby, active/optimized.
            data.put((byte) port.state().code).put((byte) 0x8d).putShort((short) port.number());
            // Changed by the device server; one port.
            data.put((byte) 0).put((byte) 2).put((byte) 0).put((byte) 1).putInt(port.number());
          }
          parameters.send(data.array(), allocation, done);
        });
  }

  private void readCapacity10(DirectBuffer cdb, Completion done) {
    if ((Cdb.unsignedByte(cdb, 8) & 1) == 0 && Cdb.unsignedInt(cdb, 2) != 0) {
      done.check(Sense.invalidField(2));
      return;
    }
    ByteBuffer data = ByteBuffer.allocate(8).order(BIG_ENDIAN);
    data.putInt((int) Math.min(blocks.capacityBlocks() - 1, 0xffffffffL));
    data.putInt(blocks.blockBytes());
    parameters.send(data.array(), 8, done);
  }

  private void readCapacity16(DirectBuffer cdb, Completion done) {
    ByteBuffer data = ByteBuffer.allocate(32).order(BIG_ENDIAN);
    data.putLong(blocks.capacityBlocks() - 1).putInt(blocks.blockBytes());
    // No protection information; logical blocks in a physical one; thin, unmapped reads zero.
    int exponent =
        Integer.numberOfTrailingZeros(BlockCommands.PHYSICAL_BLOCK_BYTES / blocks.blockBytes());
    data.put((byte) 0).put((byte) exponent).putShort((short) 0xc000);
    parameters.send(data.array(), Cdb.unsignedInt(cdb, 10), done);
  }

  /**
   * READ DEFECT DATA, SBC-3 5.17 and 5.18: lists without an entry. What is defective is replaced by
   * another copy and has no address here.
   */
  private void defects(DirectBuffer cdb, int headerBytes, long allocation, Completion done) {
    // REQ_PLIST, REQ_GLIST and the format of the list are said back.
    byte[] data = new byte[headerBytes];
    data[1] = (byte) (Cdb.unsignedByte(cdb, headerBytes == 4 ? 2 : 1) & 0x1f);
    parameters.send(data, allocation, done);
  }

  private void modeSense(DirectBuffer cdb, boolean ten, Completion done) {
    int control = Cdb.unsignedByte(cdb, 2) >>> 6;
    if (control == 3) {
      done.check(Sense.SAVING_NOT_SUPPORTED);
      return;
    }
    byte[] data =
        modes.sense(
            ten,
            (Cdb.unsignedByte(cdb, 1) & 0x08) == 0,
            control,
            Cdb.unsignedByte(cdb, 2) & 0x3f,
            Cdb.unsignedByte(cdb, 3),
            blocks.capacityBlocks(),
            blocks.blockBytes());
    if (data == null) {
      done.check(Sense.invalidField(2));
    } else {
      parameters.send(data, ten ? Cdb.unsignedShort(cdb, 7) : Cdb.unsignedByte(cdb, 4), done);
    }
  }

  private void modeSelect(
      Nexus nexus, DirectBuffer cdb, boolean ten, Payload data, Completion done) {
    if ((Cdb.unsignedByte(cdb, 1) & 0x11) != 0x10) {
      // PF must be there; pages cannot be saved.
      done.check(Sense.invalidField(1));
      return;
    }
    byte[] list = new byte[data == null ? 0 : data.length()];
    if (data != null) {
      data.buffer().getBytes(data.offset(), list);
    }
    Sense problem = modes.select(ten, list);
    if (problem != null) {
      done.check(problem);
      return;
    }
    for (Nexus other : nexuses.values()) {
      if (other != nexus) {
        other.attention(Sense.MODE_PARAMETERS_CHANGED);
      }
    }
    done.good();
  }

  /** START STOP UNIT, SBC-3 5.25: the unit is ready always; a stop makes writes durable. */
  private void startStop(DirectBuffer cdb, Completion done) {
    int flags = Cdb.unsignedByte(cdb, 4);
    if (flags >>> 4 != 0) {
      done.check(Sense.invalidField(4));
    } else if ((flags & 0x05) != 0) {
      done.good();
    } else {
      blocks.flush(done);
    }
  }
}
