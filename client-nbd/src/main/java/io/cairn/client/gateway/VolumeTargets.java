package io.cairn.client.gateway;

import io.cairn.client.iscsi.Initiator;
import io.cairn.client.iscsi.InitiatorAccess;
import io.cairn.client.iscsi.Iscsi;
import io.cairn.client.iscsi.Targets;
import io.cairn.client.scsi.CopyUnits;
import io.cairn.client.scsi.Identity;
import io.cairn.client.scsi.LogicalUnit;
import io.cairn.client.scsi.TargetPorts;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The volumes of the cluster as iSCSI targets: PREFIX:VOLUME, with the volume as LUN 0, the same
 * through all gateways.
 */
final class VolumeTargets implements Targets {
  /** Heartbeats between two looks for a SANITIZE that nobody goes on with. */
  static final int SANITIZE_BEATS = 15;

  private final TargetUnit.Host host;
  private final String prefix;
  private final InitiatorAccess access;
  private final Map<Long, TargetUnit> units = new HashMap<>();
  private final CopyUnits copyUnits = new CopyUnits();

  /** Sessions, and logins that wait. */
  private final Map<Opening, Session> sessions = new IdentityHashMap<>();

  private int portalGroup;
  private int beats;

  /**
   * The targets of one gateway.
   *
   * @param host with the exports as iSCSI sees them.
   * @param prefix an iSCSI name; the volume's stands behind it and a colon.
   * @param access who sees and opens which volume that has no list of its own in the metadata.
   */
  VolumeTargets(TargetUnit.Host host, String prefix, InitiatorAccess access) {
    this.host = host;
    this.access = access;
    this.prefix = prefix + ":";
  }

  /** The metadata has given this gateway's portal its number. */
  void numbered(int number) {
    portalGroup = number;
  }

  @Override
  public int portalGroup() {
    return portalGroup;
  }

  /** RFC 7143 section 4.2.7.2: lower case letters, digits, dot, hyphen and colon. */
  private static boolean canBeNamed(String volume) {
    return volume
        .chars()
        .allMatch(
            c -> c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == ':');
  }

  @Override
  public void list(Initiator initiator, Listing answer) {
    host.metadata()
        .query(
            new Query.GetTargets(),
            (reply, now) -> {
              if (!(reply instanceof Reply.Targets known)) {
                answer.names(List.of(), List.of());
                return;
              }
              List<String> names =
                  known.targets().stream()
                      .filter(target -> canBeNamed(target.volume().name()))
                      .filter(target -> admits(target, initiator))
                      .map(target -> prefix + target.volume().name())
                      .toList();
              portals(others -> answer.names(names, others));
            });
  }

  /** The volume's own list decides, and the gateway's settings where it has none. */
  private boolean admits(Reply.Target target, Initiator initiator) {
    return target.access().listed()
        ? target.access().admits(initiator.name(), initiator.account())
        : access.allows(target.volume().name(), initiator.name());
  }

  /** The portals of the other gateways that live. */
  private void portals(Consumer<List<OtherPortal>> then) {
    host.metadata()
        .query(
            new Query.GetPortals(null),
            (reply, now) ->
                then.accept(
                    reply instanceof Reply.Portals known
                        ? known.portals().stream()
                            .filter(one -> one.up() && one.portal().number() != portalGroup)
                            .map(
                                one ->
                                    new OtherPortal(one.portal().address(), one.portal().number()))
                            .toList()
                        : List.of()));
  }

  @Override
  public void open(String targetName, Initiator initiator, Opening answer) {
    if (!targetName.startsWith(prefix)) {
      answer.refused(Iscsi.LOGIN_NOT_FOUND, "targets here are called " + prefix + "VOLUME");
      return;
    }
    String volume = targetName.substring(prefix.length());
    Session session = new Session(answer);
    sessions.put(answer, session);
    host.metadata()
        .query(
            new Query.GetTarget(volume),
            (reply, now) -> {
              if (sessions.get(answer) != session) {
                return;
              }
              if (reply instanceof Reply.Target target && !admits(target, initiator)) {
                session.refused(
                    Iscsi.LOGIN_AUTHORIZATION_FAILURE,
                    targetName + ": the ACL does not name the initiator " + initiator);
              } else if (reply instanceof Reply.Target target && portalGroup > 0) {
                session.unit = unit(target);
                session.unit.logical().learnReservations(target.reservations());
                session.unit.join(session);
              } else if (reply instanceof Reply.Refused refused) {
                session.refused(Iscsi.LOGIN_NOT_FOUND, targetName + ": " + refused.message());
              } else {
                session.refused(
                    Iscsi.LOGIN_SERVICE_UNAVAILABLE, targetName + ": the metadata does not answer");
              }
            });
  }

  private TargetUnit unit(Reply.Target target) {
    return units.computeIfAbsent(
        target.volume().volumeId(),
        id -> {
          TargetUnit unit =
              new TargetUnit(
                  host,
                  new Identity(
                      target.clusterId(), id, prefix + target.volume().name(), portalGroup),
                  target.volume());
          copyUnits.add(unit.logical());
          return unit;
        });
  }

  /** Each heartbeat: names the volumes that are active here, and looks after the others. */
  void beat(Consumer<String> active) {
    for (TargetUnit unit : List.copyOf(units.values())) {
      if (unit.isUsed() && unit.state() == TargetPorts.State.ACTIVE) {
        active.accept(unit.volume());
      }
      unit.beat();
    }
    if (++beats % SANITIZE_BEATS == 0 && portalGroup > 0) {
      resumeSanitizing();
    }
  }

  /** Who began a SANITIZE need not be there for it to end, nor its gateway. */
  private void resumeSanitizing() {
    host.metadata()
        .query(
            new Query.GetTargets(),
            (reply, now) -> {
              if (reply instanceof Reply.Targets known) {
                known.targets().stream()
                    .filter(target -> canBeNamed(target.volume().name()))
                    .filter(target -> target.reservations().hasSanitizeUnderWay())
                    .forEach(target -> unit(target).resumeSanitizing());
              }
            });
  }

  /** Whether the unit of that volume is active here. */
  boolean isActive(String volume) {
    return units.values().stream()
        .anyMatch(
            unit ->
                unit.isUsed()
                    && unit.volume().equals(volume)
                    && unit.state() == TargetPorts.State.ACTIVE);
  }

  @Override
  public void close(Opening opening) {
    Session session = sessions.remove(opening);
    if (session != null && session.unit != null) {
      session.unit.leave(session);
    }
  }

  /** One session of an initiator, or a login that wants to become one. */
  private final class Session implements Opening {
    private final Opening answer;
    private TargetUnit unit;

    Session(Opening answer) {
      this.answer = answer;
    }

    @Override
    public void opened(LogicalUnit logical) {
      answer.opened(logical);
    }

    @Override
    public void refused(int loginStatus, String reason) {
      sessions.remove(answer);
      answer.refused(loginStatus, reason);
    }

    @Override
    public void over() {
      sessions.remove(answer);
      answer.over();
    }
  }
}
