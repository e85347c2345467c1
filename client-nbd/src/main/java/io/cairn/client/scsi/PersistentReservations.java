package io.cairn.client.scsi;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.cairn.client.scsi.ReservationTable.Request;
import io.cairn.client.scsi.ReservationTable.Verdict;
import io.cairn.metadata.model.ReservationRecord;
import io.cairn.metadata.model.ReservationRecord.Port;
import io.cairn.storage.env.Payload;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.agrona.DirectBuffer;

/**
 * Registrations and the persistent reservation of a logical unit, SPC-4 5.13, and RESERVE(6) of
 * SPC-2. What is persistent stands in the {@link ReservationStore}, one truth for all gateways; a
 * copy is kept here, so that commands need not ask.
 *
 * <p>The copy never lets in whom the record keeps out: a change that restricts is stored only by
 * the gateway that serves the unit's medium. It may keep out whom another gateway has let in since,
 * so nobody is refused before the record was read again.
 */
final class PersistentReservations {
  private static final int LIST_BYTES = 24;

  /** How often a request begins anew because others changed the record meanwhile. */
  private static final int ATTEMPTS_MAX = 8;

  /** Reaches the nexuses of the unit. */
  interface Nexuses {
    /** The nexus of a port, or null when it has no session. */
    Nexus find(String portName);
  }

  private final Nexuses nexuses;
  private final ReservationStore store;
  private final ParameterData parameters;
  private final int targetPort;
  private final Map<Port, Long> keys = new HashMap<>();

  /** Before the first reading it is older than any. */
  private ReservationRecord record = new ReservationRecord(0, -1, 0, 0, null, false, List.of());

  private Nexus reservedBy;

  /**
   * Who waits for the record to be read; those who come while it is asked for wait for the next.
   */
  private List<Consumer<ReservationRecord>> readers = new ArrayList<>();

  private boolean reading;

  /** What is being put on record for an initiator of ours: who hears of it is known. */
  private ReservationRecord storing;

  /** Requests that change something go one after the other. */
  private final Deque<Runnable> changes = new ArrayDeque<>();

  PersistentReservations(
      Nexuses nexuses, ReservationStore store, ParameterData parameters, int targetPort) {
    this.nexuses = nexuses;
    this.store = store;
    this.parameters = parameters;
    this.targetPort = targetPort;
  }

  private Port port(Nexus nexus) {
    return new Port(nexus.portName(), targetPort);
  }

  /** Takes what is on record; who loses by what another gateway did is told. */
  void learn(ReservationRecord newer) {
    if (newer.version() <= record.version()) {
      return;
    }
    ReservationRecord former = record;
    take(newer);
    if (newer.equals(storing)) {
      return;
    }
    boolean released =
        former.type() >= ReservationTable.WRITE_EXCLUSIVE_REGISTRANTS && newer.type() == 0;
    for (ReservationRecord.Registration one : former.registrations()) {
      if (keys.isEmpty()) {
        tell(one.port(), Sense.RESERVATIONS_PREEMPTED);
      } else if (!keys.containsKey(one.port())) {
        tell(one.port(), Sense.REGISTRATIONS_PREEMPTED);
      } else if (released) {
        tell(one.port(), Sense.RESERVATIONS_RELEASED);
      }
    }
  }

  private void take(ReservationRecord newer) {
    record = newer;
    keys.clear();
    newer.registrations().forEach(one -> keys.put(one.port(), one.key()));
  }

  private void tell(Port port, Sense sense) {
    Nexus nexus = here(port);
    if (nexus != null) {
      nexus.attention(sense);
    }
  }

  /** The nexus through this gateway, or null. */
  private Nexus here(Port port) {
    boolean ours = port.targetPort() == 0 || port.targetPort() == targetPort;
    return ours ? nexuses.find(port.initiatorPort()) : null;
  }

  /** Reads the record; null is heard when it cannot be had. */
  void refresh(Consumer<ReservationRecord> then) {
    readers.add(then);
    if (!reading) {
      read();
    }
  }

  private void read() {
    reading = true;
    List<Consumer<ReservationRecord>> waiting = readers;
    readers = new ArrayList<>();
    store.load(
        loaded -> {
          if (loaded != null) {
            learn(loaded);
          }
          reading = false;
          waiting.forEach(one -> one.accept(loaded));
          if (!reading && !readers.isEmpty()) {
            read();
          }
        });
  }

  /** Whether reservations of others keep this nexus from a command: SPC-4 table 66. */
  boolean conflicts(Nexus nexus, Command command) {
    Command.Access access = command.access;
    if (access == Command.Access.FREE) {
      return false;
    }
    if (access == Command.Access.RESERVES) {
      // SPC-2 5.5.1 and SPC-4 table 66: they do not go together with registrations.
      boolean conflict = command == Command.RESERVE_6 && reservedBy != null && reservedBy != nexus;
      return conflict || !keys.isEmpty();
    }
    if (reservedBy != null && reservedBy != nexus) {
      return true;
    }
    int type = record.type();
    if (type == 0 || access == Command.Access.SHARED) {
      return false;
    }
    Port port = port(nexus);
    if (port.equals(record.holder())) {
      return false;
    }
    boolean registered = ReservationTable.registered(keys, port) != null;
    boolean writes = access == Command.Access.WRITES;
    return switch (type) {
      case ReservationTable.WRITE_EXCLUSIVE -> writes;
      case ReservationTable.EXCLUSIVE_ACCESS -> true;
      case ReservationTable.WRITE_EXCLUSIVE_REGISTRANTS, ReservationTable.WRITE_EXCLUSIVE_ALL ->
          writes && !registered;
      default -> !registered;
    };
  }

  /**
   * Runs a command that conflicts with what is known here, if the record says by now that it does
   * not.
   */
  void unlessConflict(Nexus nexus, Command command, Completion done, Runnable run) {
    refresh(
        known -> {
          if (known == null || conflicts(nexus, command)) {
            done.done(Scsi.RESERVATION_CONFLICT, null, null);
          } else {
            run.run();
          }
        });
  }

  /** RESERVE(6), SPC-2 7.21. */
  void reserve(Nexus nexus) {
    reservedBy = nexus;
  }

  /** RELEASE(6): of another's reservation nothing happens. */
  void release(Nexus nexus) {
    if (reservedBy == nexus) {
      reservedBy = null;
    }
  }

  /** A reset ends RESERVE(6), not what is persistent. */
  void reset() {
    reservedBy = null;
  }

  void in(Command command, DirectBuffer cdb, Completion done) {
    int allocation = Cdb.unsignedShort(cdb, 7);
    refresh(
        known -> {
          if (known == null) {
            done.done(Scsi.BUSY, null, null);
            return;
          }
          ByteBuffer data =
              switch (command) {
                case PR_IN_READ_KEYS -> readKeys();
                case PR_IN_READ_RESERVATION -> readReservation();
                case PR_IN_READ_FULL_STATUS -> readFullStatus();
                default -> capabilities();
              };
          parameters.send(data.array(), allocation, done);
        });
  }

  private static ByteBuffer allocate(int bytes) {
    return ByteBuffer.allocate(bytes).order(BIG_ENDIAN);
  }

  private ByteBuffer readKeys() {
    List<ReservationRecord.Registration> all = record.registrations();
    ByteBuffer data = allocate(8 + 8 * all.size()).putInt(record.prGeneration());
    data.putInt(8 * all.size());
    all.forEach(one -> data.putLong(one.key()));
    return data;
  }

  private ByteBuffer readReservation() {
    if (record.type() == 0) {
      return allocate(8).putInt(record.prGeneration());
    }
    ByteBuffer data = allocate(24).putInt(record.prGeneration()).putInt(16);
    Port holding =
        record.holder() == null ? null : ReservationTable.registered(keys, record.holder());
    data.putLong(holding == null ? 0 : keys.get(holding));
    data.put(21, (byte) record.type());
    return data;
  }

  /** SPC-4 6.15.4: all types, registering for all ports at once, APTPL. */
  private ByteBuffer capabilities() {
    ByteBuffer data = allocate(8).putShort((short) 8);
    // ATP_C and PTPL_C; TMV, PTPL_A, and all types in the mask.
    data.put((byte) 0x05).put((byte) (record.persists() ? 0x81 : 0x80)).putShort((short) 0xea01);
    return data;
  }

  private ByteBuffer readFullStatus() {
    List<byte[]> descriptors = new ArrayList<>();
    int type = record.type();
    for (ReservationRecord.Registration registration : record.registrations()) {
      Port port = registration.port();
      byte[] name = (port.initiatorPort() + "\0").getBytes(StandardCharsets.UTF_8);
      int nameBytes = Math.max(20, (name.length + 3) / 4 * 4);
      ByteBuffer one = allocate(24 + 4 + nameBytes).putLong(registration.key());
      boolean all = port.targetPort() == 0;
      boolean holding =
          type != 0
              && (ReservationTable.isAllRegistrants(type)
                  || record.holder() != null
                      && port.equals(ReservationTable.registered(keys, record.holder())));
      // ALL_TG_PT and R_HOLDER.
      one.put(12, (byte) ((all ? 2 : 0) | (holding ? 1 : 0)));
      one.put(13, (byte) (holding ? type : 0));
      one.putShort(18, (short) port.targetPort()).putInt(20, 4 + nameBytes);
      // TransportID with the port's name, SPC-4 table 508.
      one.put(24, (byte) 0x45).putShort(26, (short) nameBytes).put(28, name);
      descriptors.add(one.array());
    }
    int length = descriptors.stream().mapToInt(bytes -> bytes.length).sum();
    ByteBuffer data = allocate(8 + length).putInt(record.prGeneration()).putInt(length);
    descriptors.forEach(data::put);
    return data;
  }

  /** PERSISTENT RESERVE OUT, SPC-4 6.16. */
  void out(Nexus nexus, Command command, DirectBuffer cdb, Payload list, Completion done) {
    if (Cdb.unsignedInt(cdb, 5) != LIST_BYTES || list == null || list.length() != LIST_BYTES) {
      done.check(Sense.PARAMETER_LIST_LENGTH);
      return;
    }
    int at = list.offset();
    int flags = list.buffer().getByte(at + 20) & 0xff;
    Request request =
        new Request(
            port(nexus),
            command,
            Cdb.unsignedByte(cdb, 2) >>> 4,
            Cdb.unsignedByte(cdb, 2) & 0x0f,
            list.buffer().getLong(at, BIG_ENDIAN),
            list.buffer().getLong(at + 8, BIG_ENDIAN),
            (flags & 0x04) != 0,
            (flags & 0x01) != 0);
    if (request.registers() && (flags & 0x08) != 0) {
      // SPEC_I_PT is not offered.
      done.check(Sense.INVALID_PARAMETER_LIST);
      return;
    }
    changes.add(() -> attempt(request, 1, done));
    if (changes.size() == 1) {
      changes.element().run();
    }
  }

  /** A change is over: the next one. */
  private void next() {
    storing = null;
    changes.remove();
    if (!changes.isEmpty()) {
      changes.element().run();
    }
  }

  private void busy(Completion done) {
    next();
    done.done(Scsi.BUSY, null, null);
  }

  private void attempt(Request request, int number, Completion done) {
    if (number > ATTEMPTS_MAX) {
      busy(done);
      return;
    }
    refresh(
        known -> {
          if (known == null) {
            attempt(request, number + 1, done);
            return;
          }
          Verdict verdict = new ReservationTable(record).decide(request);
          if (verdict.changed() == null) {
            next();
            done.done(verdict.status(), verdict.sense(), null);
          } else {
            put(request, verdict, number, done);
          }
        });
  }

  private void put(Request request, Verdict verdict, int number, Completion done) {
    storing = verdict.changed();
    store.store(
        verdict.changed(),
        verdict.restricts(),
        outcome -> {
          switch (outcome) {
            case STORED -> stored(verdict, done);
            case STALE -> attempt(request, number + 1, done);
            case UNKNOWN -> resolve(request, verdict, number + 1, done);
          }
        });
  }

  /** The answer was lost: whether it is on record is read there. */
  private void resolve(Request request, Verdict verdict, int number, Completion done) {
    if (number > ATTEMPTS_MAX) {
      busy(done);
      return;
    }
    store.load(
        loaded -> {
          if (loaded == null) {
            resolve(request, verdict, number + 1, done);
          } else if (loaded.equals(verdict.changed())) {
            stored(verdict, done);
          } else {
            learn(loaded);
            attempt(request, number + 1, done);
          }
        });
  }

  private void stored(Verdict verdict, Completion done) {
    if (verdict.changed().version() > record.version()) {
      take(verdict.changed());
    }
    verdict.attentions().forEach(this::tell);
    next();
    int[] left = {1};
    Runnable ended =
        () -> {
          if (--left[0] == 0) {
            done.good();
          }
        };
    for (Port port : verdict.aborted()) {
      Nexus other = here(port);
      if (other != null) {
        left[0]++;
        other.tasks().abortTasks(ended);
      }
    }
    ended.run();
  }
}
