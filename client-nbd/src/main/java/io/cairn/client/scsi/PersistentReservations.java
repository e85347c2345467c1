package io.cairn.client.scsi;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.cairn.client.scsi.ReservationTable.Request;
import io.cairn.client.scsi.ReservationTable.Verdict;
import io.cairn.metadata.model.ReservationRecord;
import io.cairn.metadata.model.ReservationRecord.Port;
import io.cairn.metadata.model.ReservationRecord.Sanitizing;
import io.cairn.storage.env.Payload;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Function;
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
  /** The longest parameter list that is taken from an initiator; longer ones are refused. */
  static final int LIST_BYTES_MAX = 4096;

  private static final int LIST_BYTES = 24;

  /** How often a request begins anew because others changed the record meanwhile. */
  private static final int ATTEMPTS_MAX = 8;

  /** Those that have a session, by the names of the initiators' ports. */
  private final Map<String, Nexus> nexuses;

  private final ReservationStore store;
  private final ParameterData parameters;
  private final TargetPorts ports;
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
      Map<String, Nexus> nexuses,
      ReservationStore store,
      ParameterData parameters,
      TargetPorts ports,
      int targetPort) {
    this.nexuses = Collections.unmodifiableMap(nexuses);
    this.store = store;
    this.ports = ports;
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
    return ours ? nexuses.get(port.initiatorPort()) : null;
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
          // What the unit can do does not depend on what the metadata has.
          if (known == null && command != Command.PR_IN_REPORT_CAPABILITIES) {
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

  /** SPC-4 6.15.4: all types, registering others and for all ports at once, APTPL. */
  private ByteBuffer capabilities() {
    ByteBuffer data = allocate(8).putShort((short) 8);
    // SIP_C, ATP_C and PTPL_C; TMV, PTPL_A, and all types in the mask.
    data.put((byte) 0x0d).put((byte) (record.persists() ? 0x81 : 0x80)).putShort((short) 0xea01);
    return data;
  }

  private ByteBuffer readFullStatus() {
    List<byte[]> descriptors = new ArrayList<>();
    int type = record.type();
    for (ReservationRecord.Registration registration : record.registrations()) {
      Port port = registration.port();
      byte[] id = TransportId.encode(port.initiatorPort());
      ByteBuffer one = allocate(24 + id.length).putLong(registration.key());
      boolean all = port.targetPort() == 0;
      boolean holding =
          type != 0
              && (ReservationTable.isAllRegistrants(type)
                  || record.holder() != null
                      && port.equals(ReservationTable.registered(keys, record.holder())));
      // ALL_TG_PT and R_HOLDER.
      one.put(12, (byte) ((all ? 2 : 0) | (holding ? 1 : 0)));
      one.put(13, (byte) (holding ? type : 0));
      one.putShort(18, (short) port.targetPort()).putInt(20, id.length).put(24, id);
      descriptors.add(one.array());
    }
    int length = descriptors.stream().mapToInt(bytes -> bytes.length).sum();
    ByteBuffer data = allocate(8 + length).putInt(record.prGeneration()).putInt(length);
    descriptors.forEach(data::put);
    return data;
  }

  /** PERSISTENT RESERVE OUT, SPC-4 6.16. */
  void out(Nexus nexus, Command command, DirectBuffer cdb, Payload data, Completion done) {
    long listBytes = Cdb.unsignedInt(cdb, 5);
    if (listBytes < LIST_BYTES || data == null || data.length() != listBytes) {
      done.check(Sense.PARAMETER_LIST_LENGTH);
      return;
    }
    ByteBuffer list = allocate(data.length());
    data.buffer().getBytes(data.offset(), list.array());
    if (command == Command.PR_OUT_REGISTER_AND_MOVE) {
      move(nexus, list, done);
      return;
    }
    int flags = list.get(20) & 0xff;
    boolean allTargetPorts = (flags & 0x04) != 0;
    boolean registers =
        command == Command.PR_OUT_REGISTER || command == Command.PR_OUT_REGISTER_AND_IGNORE;
    boolean specifies = registers && (flags & 0x08) != 0;
    List<Port> named = List.of();
    if (specifies) {
      named =
          command == Command.PR_OUT_REGISTER
              ? specified(list, allTargetPorts ? 0 : targetPort)
              : null;
      if (named == null) {
        done.check(Sense.INVALID_PARAMETER_LIST);
        return;
      }
    } else if (listBytes != LIST_BYTES) {
      done.check(Sense.PARAMETER_LIST_LENGTH);
      return;
    }
    change(
        new Request(
            port(nexus),
            command,
            Cdb.unsignedByte(cdb, 2) >>> 4,
            Cdb.unsignedByte(cdb, 2) & 0x0f,
            list.getLong(0),
            list.getLong(8),
            allTargetPorts,
            (flags & 0x01) != 0,
            named,
            false),
        done);
  }

  /** SPEC_I_PT, SPC-4 6.16.3: who is to register too; null when the list is not well formed. */
  private List<Port> specified(ByteBuffer list, int throughPort) {
    if (list.limit() < LIST_BYTES + 4 || list.getInt(LIST_BYTES) != list.limit() - LIST_BYTES - 4) {
      return null;
    }
    List<Port> all = new ArrayList<>();
    for (int at = LIST_BYTES + 4; at < list.limit(); ) {
      TransportId id = TransportId.decode(list, at);
      List<String> names = id == null ? List.of() : portNames(id);
      if (names.isEmpty()) {
        return null;
      }
      names.forEach(name -> all.add(new Port(name, throughPort)));
      at += id.bytes();
    }
    return all;
  }

  /** An initiator without a port's name stands for its ports that are known, SPC-4 5.13.7. */
  private List<String> portNames(TransportId id) {
    return id.isPort()
        ? List.of(id.name())
        : nexuses.keySet().stream()
            .filter(name -> TransportId.initiatorOf(name).equals(id.name()))
            .toList();
  }

  /** REGISTER AND MOVE, SPC-4 6.16.4. */
  private void move(Nexus nexus, ByteBuffer list, Completion done) {
    int flags = list.get(17) & 0xff;
    int throughPort = list.getShort(18) & 0xffff;
    TransportId id = TransportId.decode(list, LIST_BYTES);
    if (list.getInt(20) != list.limit() - LIST_BYTES) {
      done.check(Sense.PARAMETER_LIST_LENGTH);
      return;
    }
    List<String> names = id == null ? List.of() : portNames(id);
    if (names.size() != 1 || id.bytes() != list.limit() - LIST_BYTES) {
      done.check(Sense.INVALID_PARAMETER_LIST);
      return;
    }
    Request request =
        new Request(
            port(nexus),
            Command.PR_OUT_REGISTER_AND_MOVE,
            0,
            0,
            list.getLong(0),
            list.getLong(8),
            false,
            (flags & 0x01) != 0,
            List.of(new Port(names.getFirst(), throughPort)),
            (flags & 0x02) != 0);
    ports.report(
        all -> {
          if (all.stream().anyMatch(port -> port.number() == throughPort)) {
            change(request, done);
          } else {
            done.check(Sense.INVALID_PARAMETER_LIST);
          }
        });
  }

  private void change(Request request, Completion done) {
    change(table -> table.decide(request), done);
  }

  /** The SANITIZE that is on record, as far as it is known here; null for none. */
  Sanitizing sanitizing() {
    return record.sanitizing();
  }

  /**
   * Puts a SANITIZE on record, or strikes it off.
   *
   * @param expected what must be on record.
   * @param restricts whether we must own the volume when it is stored.
   * @param answer STALE when something else is on record, UNKNOWN when it may be on record.
   */
  void storeSanitizing(
      Sanitizing expected, Sanitizing next, boolean restricts, ReservationStore.Stored answer) {
    change(
        table -> table.sanitize(expected, next, restricts),
        (status, sense, data) ->
            answer.stored(
                status == Scsi.GOOD || Objects.equals(record.sanitizing(), next)
                    ? ReservationStore.Outcome.STORED
                    : status == Scsi.BUSY
                        ? ReservationStore.Outcome.UNKNOWN
                        : ReservationStore.Outcome.STALE));
  }

  private void change(Function<ReservationTable, Verdict> request, Completion done) {
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

  private void attempt(Function<ReservationTable, Verdict> request, int number, Completion done) {
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
          Verdict verdict = request.apply(new ReservationTable(record));
          if (verdict.changed() == null) {
            next();
            done.done(verdict.status(), verdict.sense(), null);
          } else {
            put(request, verdict, number, done);
          }
        });
  }

  private void put(
      Function<ReservationTable, Verdict> request, Verdict verdict, int number, Completion done) {
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
  private void resolve(
      Function<ReservationTable, Verdict> request, Verdict verdict, int number, Completion done) {
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
