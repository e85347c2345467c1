package io.cairn.client.scsi;

import io.cairn.metadata.model.ReservationRecord;
import io.cairn.metadata.model.ReservationRecord.Port;
import io.cairn.metadata.model.ReservationRecord.Sanitizing;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What PERSISTENT RESERVE OUT makes of a record, SPC-4 5.13: works on a copy, and says who is to
 * hear of it. Nothing of it is true before {@link #changed} is on record.
 */
final class ReservationTable {
  static final int WRITE_EXCLUSIVE = 1;
  static final int EXCLUSIVE_ACCESS = 3;
  static final int WRITE_EXCLUSIVE_REGISTRANTS = 5;
  static final int EXCLUSIVE_ACCESS_REGISTRANTS = 6;
  static final int WRITE_EXCLUSIVE_ALL = 7;
  static final int EXCLUSIVE_ACCESS_ALL = 8;

  /**
   * A request.
   *
   * @param nexus who asks.
   * @param type and scope as they stand in the CDB.
   * @param allTargetPorts ALL_TG_PT.
   * @param persists APTPL.
   * @param named who else registers by SPEC_I_PT; for REGISTER AND MOVE who the reservation goes
   *     to.
   * @param unregisters UNREG.
   */
  record Request(
      Port nexus,
      Command command,
      int scope,
      int type,
      long key,
      long actionKey,
      boolean allTargetPorts,
      boolean persists,
      List<Port> named,
      boolean unregisters) {
    boolean registers() {
      return command == Command.PR_OUT_REGISTER || command == Command.PR_OUT_REGISTER_AND_IGNORE;
    }
  }

  /**
   * What comes of a request.
   *
   * @param sense with CHECK CONDITION, else null.
   * @param changed what is to be on record; null when nothing changes.
   * @param restricts whether it takes rights from others than who asked.
   * @param attentions what other nexuses are to hear, in this order.
   * @param aborted nexuses whose tasks end with it.
   */
  record Verdict(
      int status,
      Sense sense,
      ReservationRecord changed,
      boolean restricts,
      Map<Port, Sense> attentions,
      List<Port> aborted) {}

  private final ReservationRecord record;
  private final Map<Port, Long> keys = new LinkedHashMap<>();
  private final Map<Port, Sense> attentions = new LinkedHashMap<>();
  private final List<Port> aborted = new ArrayList<>();
  private int prGeneration;
  private int type;
  private Port holder;
  private boolean persists;
  private Sanitizing sanitizing;

  ReservationTable(ReservationRecord record) {
    this.record = record;
    record.registrations().forEach(one -> keys.put(one.port(), one.key()));
    prGeneration = record.prGeneration();
    type = record.type();
    holder = record.holder();
    persists = record.persists();
    sanitizing = record.sanitizing();
  }

  static boolean isAllRegistrants(int type) {
    return type == WRITE_EXCLUSIVE_ALL || type == EXCLUSIVE_ACCESS_ALL;
  }

  static boolean isType(int type) {
    return type == WRITE_EXCLUSIVE
        || type == EXCLUSIVE_ACCESS
        || type >= WRITE_EXCLUSIVE_REGISTRANTS && type <= EXCLUSIVE_ACCESS_ALL;
  }

  /** The registration that holds for a nexus: its own, or that of its initiator for all ports. */
  static Port registered(Map<Port, Long> keys, Port nexus) {
    Port all = new Port(nexus.initiatorPort(), 0);
    return keys.containsKey(nexus) ? nexus : keys.containsKey(all) ? all : null;
  }

  private boolean holds(Port nexus) {
    return type != 0
        && (isAllRegistrants(type) ? registered(keys, nexus) != null : nexus.equals(holder));
  }

  private boolean holds(Port registration, Port port) {
    return registration.equals(port)
        || registration.targetPort() == 0
            && port != null
            && registration.initiatorPort().equals(port.initiatorPort());
  }

  /** Decides a request against the record; once per table. */
  Verdict decide(Request request) {
    Port mine = registered(keys, request.nexus());
    if (request.registers()) {
      return register(request, mine);
    }
    if (mine == null || keys.get(mine) != request.key()) {
      return conflict();
    }
    boolean fits = request.scope() == 0 && isType(request.type());
    return switch (request.command()) {
      case PR_OUT_RESERVE -> fits ? reserve(request) : check(Sense.invalidField(2));
      case PR_OUT_RELEASE -> release(request);
      case PR_OUT_CLEAR -> clear(request);
      case PR_OUT_REGISTER_AND_MOVE -> move(request, mine);
      default -> preempt(request, fits);
    };
  }

  /**
   * Puts a SANITIZE in the place of another.
   *
   * @param expected what is on record if nobody else has changed it; else this is a conflict.
   */
  Verdict sanitize(Sanitizing expected, Sanitizing next, boolean restricts) {
    if (!Objects.equals(expected, sanitizing)) {
      return conflict();
    }
    sanitizing = next;
    return changed(restricts);
  }

  private static Verdict conflict() {
    return new Verdict(Scsi.RESERVATION_CONFLICT, null, null, false, Map.of(), List.of());
  }

  private static Verdict check(Sense sense) {
    return new Verdict(Scsi.CHECK_CONDITION, sense, null, false, Map.of(), List.of());
  }

  private static Verdict unchanged() {
    return new Verdict(Scsi.GOOD, null, null, false, Map.of(), List.of());
  }

  private Verdict changed(boolean restricts) {
    List<ReservationRecord.Registration> registrations = new ArrayList<>();
    keys.forEach((port, key) -> registrations.add(new ReservationRecord.Registration(port, key)));
    ReservationRecord next =
        new ReservationRecord(
            record.volumeId(),
            record.version() + 1,
            prGeneration,
            type,
            holder,
            persists,
            registrations,
            sanitizing);
    return new Verdict(Scsi.GOOD, null, next, restricts, attentions, aborted);
  }

  /** SPC-4 5.13.7. */
  private Verdict register(Request request, Port mine) {
    boolean ignores = request.command() == Command.PR_OUT_REGISTER_AND_IGNORE;
    if (!ignores && (mine == null ? 0 : keys.get(mine)) != request.key()) {
      return conflict();
    }
    if (request.actionKey() == 0) {
      if (mine == null) {
        return unchanged();
      }
      if (!request.named().isEmpty()) {
        return check(Sense.INVALID_FIELD);
      }
      unregister(mine);
    } else if (mine != null && !request.named().isEmpty()) {
      // SPC-4 table 54: SPEC_I_PT is for a nexus that registers with others, not for a new key.
      return check(Sense.INVALID_FIELD);
    } else {
      Port port =
          mine != null
              ? mine
              : request.allTargetPorts()
                  ? new Port(request.nexus().initiatorPort(), 0)
                  : request.nexus();
      keys.put(port, request.actionKey());
      for (Port other : request.named()) {
        if (registered(keys, other) == null) {
          keys.put(other, request.actionKey());
        }
      }
      if (mine == null && keys.size() > ReservationRecord.REGISTRATIONS_MAX) {
        return check(Sense.INSUFFICIENT_REGISTRATIONS);
      }
      persists = request.persists();
    }
    prGeneration++;
    return changed(false);
  }

  /** REGISTER AND MOVE, SPC-4 5.13.8: the holder registers another nexus and makes it holder. */
  private Verdict move(Request request, Port mine) {
    if (isAllRegistrants(type)) {
      return conflict();
    }
    if (!holds(request.nexus())) {
      return check(Sense.INVALID_FIELD);
    }
    Port to = request.named().getFirst();
    if (request.actionKey() == 0 || to.equals(request.nexus())) {
      return check(Sense.INVALID_PARAMETER_LIST);
    }
    Port theirs = registered(keys, to);
    if (theirs == null || request.unregisters() && theirs.equals(mine)) {
      // What goes with our own registration for all ports needs one of its own.
      theirs = to;
    }
    if (request.unregisters()) {
      keys.remove(mine);
    }
    keys.put(theirs, request.actionKey());
    if (keys.size() > ReservationRecord.REGISTRATIONS_MAX) {
      return check(Sense.INSUFFICIENT_REGISTRATIONS);
    }
    holder = to;
    persists = request.persists();
    prGeneration++;
    return changed(true);
  }

  /** SPC-4 5.13.11.3: with the last that held it the reservation goes. */
  private void unregister(Port mine) {
    keys.remove(mine);
    boolean held = isAllRegistrants(type) ? keys.isEmpty() : type != 0 && holds(mine, holder);
    if (held) {
      if (type == WRITE_EXCLUSIVE_REGISTRANTS || type == EXCLUSIVE_ACCESS_REGISTRANTS) {
        tellRegistrants(mine, Sense.RESERVATIONS_RELEASED);
      }
      type = 0;
      holder = null;
    }
  }

  private void tellRegistrants(Port except, Sense sense) {
    for (Port port : keys.keySet()) {
      if (!port.equals(except)) {
        attentions.putIfAbsent(port, sense);
      }
    }
  }

  private Verdict reserve(Request request) {
    if (type == 0) {
      type = request.type();
      holder = isAllRegistrants(type) ? null : request.nexus();
      return changed(true);
    }
    return holds(request.nexus()) && type == request.type() ? unchanged() : conflict();
  }

  private Verdict release(Request request) {
    if (!holds(request.nexus())) {
      return unchanged();
    }
    if (request.scope() != 0 || request.type() != type) {
      return check(Sense.INVALID_RELEASE);
    }
    if (type >= WRITE_EXCLUSIVE_REGISTRANTS) {
      tellRegistrants(registered(keys, request.nexus()), Sense.RESERVATIONS_RELEASED);
    }
    type = 0;
    holder = null;
    return changed(false);
  }

  private Verdict clear(Request request) {
    tellRegistrants(registered(keys, request.nexus()), Sense.RESERVATIONS_PREEMPTED);
    keys.clear();
    type = 0;
    holder = null;
    prGeneration++;
    return changed(false);
  }

  /**
   * SPC-4 5.13.11.4: with the holder's key the reservation goes over, in any case registrations go.
   */
  private Verdict preempt(Request request, boolean fits) {
    Port held = holder == null ? null : registered(keys, holder);
    boolean everyone = isAllRegistrants(type) && request.actionKey() == 0;
    boolean takes = everyone || held != null && keys.get(held) == request.actionKey();
    if (takes && !fits) {
      return check(Sense.invalidField(2));
    }
    if (request.actionKey() == 0 && !takes) {
      return check(Sense.INVALID_PARAMETER_LIST);
    }
    Port mine = registered(keys, request.nexus());
    keys.forEach(
        (port, key) -> {
          if ((everyone || key == request.actionKey()) && !port.equals(mine)) {
            aborted.add(port);
          }
        });
    if (aborted.isEmpty() && !takes) {
      return conflict();
    }
    boolean typeChanges = takes && type != request.type();
    aborted.forEach(keys::remove);
    if (takes) {
      type = request.type();
      holder = isAllRegistrants(type) ? null : request.nexus();
    } else if (isAllRegistrants(type) && keys.isEmpty()) {
      type = 0;
    }
    prGeneration++;
    aborted.forEach(port -> attentions.put(port, Sense.REGISTRATIONS_PREEMPTED));
    if (typeChanges) {
      tellRegistrants(mine, Sense.RESERVATIONS_RELEASED);
    }
    if (request.command() != Command.PR_OUT_PREEMPT_AND_ABORT) {
      aborted.clear();
    }
    return changed(true);
  }
}
