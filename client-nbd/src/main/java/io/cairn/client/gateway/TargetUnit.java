package io.cairn.client.gateway;

import io.cairn.client.iscsi.Iscsi;
import io.cairn.client.iscsi.Targets;
import io.cairn.client.nbd.Exports;
import io.cairn.client.scsi.Identity;
import io.cairn.client.scsi.LogicalUnit;
import io.cairn.client.scsi.TargetPorts;
import io.cairn.client.volume.MetadataCalls;
import io.cairn.client.volume.VolumeIo;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One volume as a logical unit of this gateway. The unit is active where the volume is owned: a
 * gateway with initiators takes a volume that nobody owns who lives, and leaves all others alone,
 * so that two gateways with initiators do not throw each other out in turns.
 *
 * <pre>
 * STANDBY --initiators are here, no owner lives--> TRANSITIONING --opened, reservations known--> ACTIVE
 * TRANSITIONING --refused: somebody was faster--> STANDBY
 * ACTIVE, TRANSITIONING --taken over, or the last initiator left--> STANDBY
 * </pre>
 */
final class TargetUnit implements VolumeIo, TargetPorts {
  private static final Logger LOG = LoggerFactory.getLogger(TargetUnit.class);

  /** Attempts to take a volume before it is left to whoever is faster. */
  private static final int ATTEMPTS_MAX = 2;

  /**
   * What all units of a gateway share.
   *
   * @param gateway its name.
   * @param instance of its process, as in the owner of a volume.
   */
  record Host(
      MetadataCalls metadata,
      Exports exports,
      Payloads payloads,
      int blockBytes,
      String gateway,
      long instance) {}

  private final Host host;
  private final Identity identity;
  private final String volume;
  private final LogicalUnit logical;
  private final VolumeReservations reservations;
  private final Set<Targets.Opening> sessions = new LinkedHashSet<>();
  private State state = State.STANDBY;
  private VolumeRecord record;
  private List<Reply.PortalStatus> portals = List.of();
  private VolumeIo session;
  private Exports.Opening opening;

  /** Who waits until it is decided where the unit is active. */
  private List<Runnable> waiting = new ArrayList<>();

  /** The unit was taken, and who has reserved it could not be read: the next heartbeat tries. */
  private boolean unlearned;

  /** It is to be taken for a SANITIZE that its last owner did not end. */
  private boolean resuming;

  private boolean looking;
  private boolean forced;
  private String problem;

  TargetUnit(Host host, Identity identity, VolumeRecord record) {
    this.host = host;
    this.identity = identity;
    this.record = record;
    volume = record.name();
    reservations =
        new VolumeReservations(
            host.metadata(), volume, identity.volumeId(), host.instance(), this::takeOver);
    logical =
        new LogicalUnit(identity, this, this, reservations, host.payloads(), host.blockBytes());
    logical.onSanitized(this::giveUpUnlessUsed);
  }

  LogicalUnit logical() {
    return logical;
  }

  String volume() {
    return volume;
  }

  /** Whether it has initiators, or what one of them began goes on without them. */
  boolean isUsed() {
    return !sessions.isEmpty() || resuming || logical.isSanitizing();
  }

  /**
   * A SANITIZE of it is on record that has not ended: if its owner is gone, it is taken for that,
   * and given up afterwards.
   */
  void resumeSanitizing() {
    if (state == State.STANDBY && !looking && !isUsed()) {
      resuming = true;
      look(() -> {});
    }
  }

  /** A session wants the unit; it is let in once it is known whether the unit is active here. */
  void join(Targets.Opening answer) {
    sessions.add(answer);
    look(
        () -> {
          if (!sessions.contains(answer)) {
            return;
          }
          if (problem == null) {
            answer.opened(logical);
          } else {
            leave(answer);
            answer.refused(Iscsi.LOGIN_SERVICE_UNAVAILABLE, identity.targetName() + ": " + problem);
          }
        });
  }

  /** A session is over. With the last one the volume is given up, for other gateways to take. */
  void leave(Targets.Opening answer) {
    sessions.remove(answer);
    giveUpUnlessUsed();
  }

  private void giveUpUnlessUsed() {
    if (!isUsed() && opening != null) {
      Exports.Opening left = opening;
      opening = null;
      host.exports().close(left);
      become(State.STANDBY);
      settle();
    }
  }

  /** Each heartbeat: a unit that has lost its owner is taken by whoever has initiators. */
  void beat() {
    logical.remind();
    if (unlearned) {
      learn(opening);
    } else if (isUsed() && state == State.STANDBY) {
      look(() -> {});
    }
  }

  @Override
  public State state() {
    return state;
  }

  @Override
  public void wanted(Runnable decided) {
    look(decided);
  }

  /** Takes the unit from a gateway that lives: what is to be done keeps its initiators out. */
  private void takeOver(Runnable decided) {
    forced = true;
    look(decided);
  }

  private void look(Runnable decided) {
    waiting.add(decided);
    if (state == State.ACTIVE) {
      settle();
    } else if (!looking) {
      looking = true;
      problem = null;
      look(1);
    }
  }

  private void look(int attempt) {
    host.metadata()
        .query(
            new Query.GetPortals(volume),
            (reply, now) -> {
              if (!looking || opening != null) {
                return;
              }
              if (!(reply instanceof Reply.Portals known)
                  || known.volume().volumeId() != identity.volumeId()) {
                problem =
                    reply instanceof Reply.Refused refused
                        ? refused.message()
                        : "the metadata does not answer";
                settle();
                return;
              }
              record = known.volume();
              portals = known.portals();
              boolean taken = !mayTake(known) && !forced;
              if (taken || attempt > ATTEMPTS_MAX || !isUsed()) {
                problem = taken ? null : problem;
                settle();
              } else {
                take(attempt);
              }
            });
  }

  private boolean mayTake(Reply.Portals known) {
    VolumeRecord.Owner owner = known.volume().owner();
    return owner == null
        || owner.maintenance()
        || owner.gateway().equals(host.gateway())
        || known.ownerGone();
  }

  private void take(int attempt) {
    become(State.TRANSITIONING);
    opening =
        new Exports.Opening() {
          @Override
          public void opened(String name, VolumeIo io) {
            if (opening == this) {
              session = io;
              learn(this);
            }
          }

          @Override
          public void unknown(String reason) {
            refused(reason);
          }

          @Override
          public void refused(String reason) {
            if (opening == this) {
              opening = null;
              problem = reason;
              become(State.STANDBY);
              look(attempt + 1);
            }
          }

          @Override
          public void over() {
            if (opening == this) {
              opening = null;
              become(State.STANDBY);
              end();
            }
          }
        };
    host.exports().open(volume, record.generation(), opening);
  }

  /**
   * Reads reservations as they are since we own the volume: from now on nobody else stores a change
   * that keeps initiators out. Without them nobody may be served.
   */
  private void learn(Exports.Opening current) {
    unlearned = false;
    reservations.load(
        known -> {
          if (opening != current) {
            return;
          }
          if (known == null) {
            unlearned = true;
            return;
          }
          logical.learnReservations(known);
          problem = null;
          become(State.ACTIVE);
          settle();
          giveUpUnlessUsed();
        });
  }

  private void become(State next) {
    unlearned = false;
    if (state != next) {
      if (next != State.TRANSITIONING) {
        LOG.info("volume {}: its iSCSI unit is {} here", volume, next);
      }
      state = next;
      if (next != State.TRANSITIONING) {
        logical.accessStateChanged();
      }
    }
  }

  /** The volume was taken away: what initiators sent has ended without an answer. */
  private void end() {
    List<Targets.Opening> ended = List.copyOf(sessions);
    sessions.clear();
    settle();
    ended.forEach(Targets.Opening::over);
  }

  private void settle() {
    looking = false;
    forced = false;
    resuming = false;
    List<Runnable> decided = waiting;
    waiting = new ArrayList<>();
    decided.forEach(Runnable::run);
  }

  @Override
  public void report(Report answer) {
    host.metadata()
        .query(
            new Query.GetPortals(volume),
            (reply, now) -> {
              if (reply instanceof Reply.Portals known) {
                portals = known.portals();
                answer.ports(ports(known.volume().owner(), known.ownerGone()));
              } else {
                // As it was, but for ourselves.
                answer.ports(ports(record.owner(), false));
              }
            });
  }

  private List<Port> ports(VolumeRecord.Owner owner, boolean ownerGone) {
    List<Port> ports = new ArrayList<>();
    boolean here = false;
    for (Reply.PortalStatus one : portals) {
      int number = one.portal().number();
      boolean ours = number == identity.targetPort();
      boolean owns = owner != null && owner.gateway().equals(one.portal().gateway()) && !ownerGone;
      here |= ours;
      State other = !one.up() ? State.UNAVAILABLE : owns ? State.ACTIVE : State.STANDBY;
      ports.add(new Port(number, ours ? state : other));
    }
    if (!here) {
      ports.add(new Port(identity.targetPort(), state));
    }
    return ports;
  }

  @Override
  public long sizeBytes() {
    return state == State.ACTIVE ? session.sizeBytes() : record.sizeBytes();
  }

  @Override
  public int chunkSizeBytes() {
    return record.chunkSizeBytes();
  }

  @Override
  public void read(long offsetBytes, int lengthBytes, ReadCallback sink) {
    session.read(offsetBytes, lengthBytes, sink);
  }

  @Override
  public void write(long offsetBytes, Payload payload, boolean fua, Callback done) {
    session.write(offsetBytes, payload, fua, done);
  }

  @Override
  public void zero(
      long offsetBytes, long lengthBytes, boolean mayPunch, boolean fua, Callback done) {
    session.zero(offsetBytes, lengthBytes, mayPunch, fua, done);
  }

  @Override
  public void flush(Callback done) {
    session.flush(done);
  }

  @Override
  public void extents(long offsetBytes, long lengthBytes, ExtentsCallback sink) {
    session.extents(offsetBytes, lengthBytes, sink);
  }
}
