package io.cairn.client.scsi;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.cairn.storage.env.Payload;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.agrona.DirectBuffer;

/**
 * Registrations and the persistent reservation of a logical unit, SPC-4 5.13, and RESERVE(6) of
 * SPC-2. A registration belongs to an I_T nexus and outlives its session, not the gateway: APTPL is
 * refused, and said to be.
 */
final class PersistentReservations {
  private static final int WRITE_EXCLUSIVE = 1;
  private static final int EXCLUSIVE_ACCESS = 3;
  private static final int WRITE_EXCLUSIVE_REGISTRANTS = 5;
  private static final int EXCLUSIVE_ACCESS_REGISTRANTS = 6;
  private static final int WRITE_EXCLUSIVE_ALL = 7;
  private static final int EXCLUSIVE_ACCESS_ALL = 8;
  private static final int LIST_BYTES = 24;

  /** Registrations of one unit: more are refused with INSUFFICIENT REGISTRATION RESOURCES. */
  static final int REGISTRATIONS_MAX = 256;

  /** Reaches the nexuses of the unit. */
  interface Nexuses {
    /** The nexus of a port, or null when it has no session. */
    Nexus find(String portName);
  }

  private final Nexuses nexuses;
  private final ParameterData parameters;
  private final Map<String, Long> keys = new LinkedHashMap<>();
  private int generation;
  private int type;
  private String holder;
  private Nexus reservedBy;

  PersistentReservations(Nexuses nexuses, ParameterData parameters) {
    this.nexuses = nexuses;
    this.parameters = parameters;
  }

  private boolean isAllRegistrants() {
    return type == WRITE_EXCLUSIVE_ALL || type == EXCLUSIVE_ACCESS_ALL;
  }

  private boolean holds(Nexus nexus) {
    return type != 0
        && (isAllRegistrants()
            ? keys.containsKey(nexus.portName())
            : nexus.portName().equals(holder));
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
    if (type == 0 || access == Command.Access.SHARED || holds(nexus)) {
      return false;
    }
    boolean registered = keys.containsKey(nexus.portName());
    boolean writes = access == Command.Access.WRITES;
    return switch (type) {
      case WRITE_EXCLUSIVE -> writes;
      case EXCLUSIVE_ACCESS -> true;
      case WRITE_EXCLUSIVE_REGISTRANTS, WRITE_EXCLUSIVE_ALL -> writes && !registered;
      default -> !registered;
    };
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
    ByteBuffer data =
        switch (command) {
          case PR_IN_READ_KEYS -> readKeys();
          case PR_IN_READ_RESERVATION -> readReservation();
          case PR_IN_READ_FULL_STATUS -> readFullStatus();
          default -> capabilities();
        };
    parameters.send(data.array(), allocation, done);
  }

  private static ByteBuffer allocate(int bytes) {
    return ByteBuffer.allocate(bytes).order(BIG_ENDIAN);
  }

  private ByteBuffer readKeys() {
    ByteBuffer data = allocate(8 + 8 * keys.size()).putInt(generation).putInt(8 * keys.size());
    keys.values().forEach(data::putLong);
    return data;
  }

  private ByteBuffer readReservation() {
    if (type == 0) {
      return allocate(8).putInt(generation);
    }
    ByteBuffer data = allocate(24).putInt(generation).putInt(16);
    data.putLong(isAllRegistrants() ? 0 : keys.get(holder));
    data.put(21, (byte) type);
    return data;
  }

  /** SPC-4 6.15.4: all types, registering for every port we have, no APTPL. */
  private static ByteBuffer capabilities() {
    ByteBuffer data = allocate(8).putShort((short) 8);
    // ATP_C would be for several ports. TMV, and all types in the mask.
    data.put((byte) 0x00).put((byte) 0x80).putShort((short) 0xea01);
    return data;
  }

  private ByteBuffer readFullStatus() {
    List<byte[]> descriptors = new ArrayList<>();
    keys.forEach(
        (port, key) -> {
          byte[] name = (port + "\0").getBytes(StandardCharsets.UTF_8);
          int nameBytes = Math.max(20, (name.length + 3) / 4 * 4);
          ByteBuffer one = allocate(24 + 4 + nameBytes).putLong(key);
          boolean holding = type != 0 && (isAllRegistrants() || port.equals(holder));
          one.put(12, (byte) (holding ? 1 : 0)).put(13, (byte) (holding ? type : 0));
          one.putShort(18, (short) 1).putInt(20, 4 + nameBytes);
          // TransportID with the port's name, SPC-4 table 508.
          one.put(24, (byte) 0x45).putShort(26, (short) nameBytes).put(28, name);
          descriptors.add(one.array());
        });
    int length = descriptors.stream().mapToInt(bytes -> bytes.length).sum();
    ByteBuffer data = allocate(8 + length).putInt(generation).putInt(length);
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
    long key = list.buffer().getLong(at, BIG_ENDIAN);
    long actionKey = list.buffer().getLong(at + 8, BIG_ENDIAN);
    int flags = list.buffer().getByte(at + 20) & 0xff;
    boolean registers =
        command == Command.PR_OUT_REGISTER || command == Command.PR_OUT_REGISTER_AND_IGNORE;
    if (registers && (flags & 0x09) != 0) {
      // SPEC_I_PT and APTPL are not offered; ALL_TG_PT means our one port.
      done.check(Sense.INVALID_PARAMETER_LIST);
      return;
    }
    Long mine = keys.get(nexus.portName());
    if (registers) {
      register(nexus, command == Command.PR_OUT_REGISTER, mine, key, actionKey, done);
      return;
    }
    if (mine == null || mine != key) {
      done.done(Scsi.RESERVATION_CONFLICT, null, null);
      return;
    }
    int scope = Cdb.unsignedByte(cdb, 2) >>> 4;
    int wanted = Cdb.unsignedByte(cdb, 2) & 0x0f;
    boolean typed =
        wanted == 1 || wanted == 3 || wanted >= WRITE_EXCLUSIVE_REGISTRANTS && wanted <= 8;
    switch (command) {
      case PR_OUT_RESERVE -> {
        if (scope != 0 || !typed) {
          done.check(Sense.invalidField(2));
        } else {
          reserve(nexus, wanted, done);
        }
      }
      case PR_OUT_RELEASE -> release(nexus, scope, wanted, done);
      case PR_OUT_CLEAR -> {
        clear(nexus);
        done.good();
      }
      default -> {
        boolean takes = type != 0 && !isAllRegistrants() && keyHolds(actionKey);
        boolean takesAll = isAllRegistrants() && actionKey == 0;
        if ((takes || takesAll) && (scope != 0 || !typed)) {
          done.check(Sense.invalidField(2));
        } else {
          preempt(nexus, command, actionKey, wanted, takes || takesAll, done);
        }
      }
    }
  }

  private boolean keyHolds(long key) {
    return holder != null && keys.getOrDefault(holder, 0L) == key;
  }

  private void register(
      Nexus nexus, boolean checksKey, Long mine, long key, long actionKey, Completion done) {
    if (checksKey && (mine == null ? 0 : mine) != key) {
      done.done(Scsi.RESERVATION_CONFLICT, null, null);
      return;
    }
    if (actionKey != 0) {
      if (mine == null && keys.size() >= REGISTRATIONS_MAX) {
        done.check(Sense.INSUFFICIENT_REGISTRATIONS);
        return;
      }
      keys.put(nexus.portName(), actionKey);
      generation++;
    } else if (mine != null) {
      unregister(nexus);
      generation++;
    }
    done.good();
  }

  private void unregister(Nexus nexus) {
    boolean held = holds(nexus);
    keys.remove(nexus.portName());
    if (held && (!isAllRegistrants() || keys.isEmpty())) {
      boolean tells = type == WRITE_EXCLUSIVE_REGISTRANTS || type == EXCLUSIVE_ACCESS_REGISTRANTS;
      type = 0;
      holder = null;
      if (tells) {
        tell(nexus.portName(), Sense.RESERVATIONS_RELEASED);
      }
    }
  }

  private void tell(String except, Sense sense) {
    for (String port : keys.keySet()) {
      if (!port.equals(except)) {
        tellOne(port, sense);
      }
    }
  }

  private void tellOne(String port, Sense sense) {
    Nexus nexus = nexuses.find(port);
    if (nexus != null) {
      nexus.attention(sense);
    }
  }

  private void reserve(Nexus nexus, int wanted, Completion done) {
    if (type == 0) {
      type = wanted;
      holder = nexus.portName();
      done.good();
    } else if (holds(nexus) && type == wanted) {
      done.good();
    } else {
      done.done(Scsi.RESERVATION_CONFLICT, null, null);
    }
  }

  private void release(Nexus nexus, int scope, int wanted, Completion done) {
    if (!holds(nexus)) {
      done.good();
      return;
    }
    if (scope != 0 || wanted != type) {
      done.check(Sense.INVALID_RELEASE);
      return;
    }
    boolean tells = type >= WRITE_EXCLUSIVE_REGISTRANTS;
    type = 0;
    holder = null;
    if (tells) {
      tell(nexus.portName(), Sense.RESERVATIONS_RELEASED);
    }
    done.good();
  }

  private void clear(Nexus nexus) {
    tell(nexus.portName(), Sense.RESERVATIONS_PREEMPTED);
    keys.clear();
    type = 0;
    holder = null;
    generation++;
  }

  /**
   * SPC-4 5.13.11.4: with the holder's key the reservation goes over, in any case registrations go.
   */
  private void preempt(
      Nexus nexus, Command command, long actionKey, int wanted, boolean takes, Completion done) {
    if (actionKey == 0 && !takes) {
      done.check(Sense.INVALID_PARAMETER_LIST);
      return;
    }
    List<String> removed = new ArrayList<>();
    boolean everyone = isAllRegistrants() && actionKey == 0;
    keys.forEach(
        (port, key) -> {
          boolean named = everyone || key == actionKey;
          if (named && !port.equals(nexus.portName())) {
            removed.add(port);
          }
        });
    if (removed.isEmpty() && !takes) {
      done.done(Scsi.RESERVATION_CONFLICT, null, null);
      return;
    }
    boolean typeChanges = takes && type != wanted;
    removed.forEach(keys::remove);
    if (takes) {
      type = wanted;
      holder = nexus.portName();
    } else if (isAllRegistrants() && keys.isEmpty()) {
      type = 0;
    }
    generation++;
    removed.forEach(port -> tellOne(port, Sense.REGISTRATIONS_PREEMPTED));
    if (typeChanges) {
      tell(nexus.portName(), Sense.RESERVATIONS_RELEASED);
    }
    if (command != Command.PR_OUT_PREEMPT_AND_ABORT) {
      done.good();
      return;
    }
    int[] left = {1};
    Runnable ended =
        () -> {
          if (--left[0] == 0) {
            done.good();
          }
        };
    for (String port : removed) {
      Nexus other = nexuses.find(port);
      if (other != null) {
        left[0]++;
        other.tasks().abortTasks(ended);
      }
    }
    ended.run();
  }
}
