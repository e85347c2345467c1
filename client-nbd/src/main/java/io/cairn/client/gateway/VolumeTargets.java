package io.cairn.client.gateway;

import io.cairn.client.iscsi.InitiatorAccess;
import io.cairn.client.iscsi.Iscsi;
import io.cairn.client.iscsi.Targets;
import io.cairn.client.nbd.Exports;
import io.cairn.client.scsi.Identity;
import io.cairn.client.scsi.LogicalUnit;
import io.cairn.client.volume.MetadataCalls;
import io.cairn.client.volume.VolumeIo;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.storage.env.Payloads;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The volumes of the cluster as iSCSI targets: PREFIX:VOLUME, with the volume as LUN 0. A logical
 * unit outlives its sessions: registrations for reservations stay.
 */
final class VolumeTargets implements Targets {
  /** The relative target port identifier. */
  private static final int TARGET_PORT = 1;

  private final MetadataCalls metadata;
  private final long instance;
  private final Exports exports;
  private final Payloads payloads;
  private final String prefix;
  private final int blockBytes;
  private final InitiatorAccess access;
  private final Map<Long, Unit> units = new HashMap<>();
  private final Map<Opening, Waiting> openings = new IdentityHashMap<>();

  /**
   * The targets of one gateway.
   *
   * @param instance of the gateway's process, as in the owner of a volume.
   * @param exports as iSCSI sees them.
   * @param prefix an iSCSI name; the volume's stands behind it and a colon.
   * @param blockBytes logical block length of all of them.
   * @param access who sees and opens which volume.
   */
  VolumeTargets(
      MetadataCalls metadata,
      long instance,
      Exports exports,
      Payloads payloads,
      String prefix,
      int blockBytes,
      InitiatorAccess access) {
    this.blockBytes = blockBytes;
    this.access = access;
    this.metadata = metadata;
    this.instance = instance;
    this.exports = exports;
    this.payloads = payloads;
    this.prefix = prefix + ":";
  }

  /** RFC 7143 section 4.2.7.2: lower case letters, digits, dot, hyphen and colon. */
  private static boolean canBeNamed(String volume) {
    return volume
        .chars()
        .allMatch(
            c -> c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == ':');
  }

  @Override
  public void list(String initiatorName, Listing answer) {
    exports.list(
        new Exports.Listing() {
          @Override
          public void names(List<String> names) {
            answer.names(
                names.stream()
                    .filter(VolumeTargets::canBeNamed)
                    .filter(volume -> access.allows(volume, initiatorName))
                    .map(prefix::concat)
                    .toList());
          }

          @Override
          public void refused(String reason) {
            answer.names(List.of());
          }
        });
  }

  @Override
  public void open(String targetName, String initiatorName, Opening answer) {
    if (!targetName.startsWith(prefix)) {
      answer.refused(Iscsi.LOGIN_NOT_FOUND, "targets here are called " + prefix + "VOLUME");
      return;
    }
    String volume = targetName.substring(prefix.length());
    if (!access.allows(volume, initiatorName)) {
      answer.refused(
          Iscsi.LOGIN_AUTHORIZATION_FAILURE,
          targetName + ": the ACL does not name the initiator " + initiatorName);
      return;
    }
    Waiting waiting = new Waiting(answer, targetName);
    openings.put(answer, waiting);
    metadata.query(
        new Query.GetTarget(volume),
        (reply, now) -> {
          if (openings.get(answer) != waiting) {
            return;
          }
          switch (reply) {
            case Reply.Target target -> {
              waiting.identity =
                  new Identity(
                      target.clusterId(), target.volume().volumeId(), targetName, TARGET_PORT);
              exports.open(volume, waiting);
            }
            case Reply.Refused refused -> waiting.unknown(refused.message());
            case null, default -> waiting.refused("the metadata does not answer");
          }
        });
  }

  /** Names the volumes that initiators use now, each once. */
  void inUse(Consumer<String> each) {
    openings.values().stream()
        .map(waiting -> waiting.targetName.substring(prefix.length()))
        .distinct()
        .toList()
        .forEach(each);
  }

  @Override
  public void close(Opening opening) {
    Waiting waiting = openings.remove(opening);
    if (waiting != null && waiting.identity != null) {
      exports.close(waiting);
    }
  }

  private Unit unit(Identity identity) {
    return units.computeIfAbsent(identity.volumeId(), id -> new Unit(identity));
  }

  /** One opening, until it is refused, over or closed. */
  private final class Waiting implements Exports.Opening {
    private final Opening answer;
    private final String targetName;
    private Identity identity;

    Waiting(Opening answer, String targetName) {
      this.answer = answer;
      this.targetName = targetName;
    }

    @Override
    public void opened(String name, VolumeIo io) {
      Unit unit = unit(identity);
      unit.session = io;
      if (unit.logical == null) {
        unit.reservations =
            new VolumeReservations(metadata, name, unit.identity.volumeId(), instance);
        unit.logical =
            new LogicalUnit(unit.identity, unit, unit.reservations, payloads, blockBytes);
      }
      learnReservations(unit);
    }

    /**
     * As they are since we own the volume: from now on nobody else stores a change that keeps
     * initiators out. Without them nobody may be let in.
     */
    private void learnReservations(Unit unit) {
      unit.reservations.load(
          record -> {
            if (openings.get(answer) != this) {
              return;
            }
            if (record == null) {
              exports.close(this);
              refused("the metadata does not answer");
              return;
            }
            unit.logical.learnReservations(record);
            answer.opened(unit.logical);
          });
    }

    @Override
    public void unknown(String reason) {
      openings.remove(answer);
      answer.refused(Iscsi.LOGIN_NOT_FOUND, targetName + ": " + reason);
    }

    @Override
    public void refused(String reason) {
      openings.remove(answer);
      answer.refused(Iscsi.LOGIN_SERVICE_UNAVAILABLE, targetName + ": " + reason);
    }

    @Override
    public void over() {
      openings.remove(answer);
      answer.over();
    }
  }

  /** A logical unit's volume, through whichever session the gateway has of it now. */
  private static final class Unit implements VolumeIo {
    private final Identity identity;
    private LogicalUnit logical;
    private VolumeReservations reservations;
    private VolumeIo session;

    Unit(Identity identity) {
      this.identity = identity;
    }

    @Override
    public long sizeBytes() {
      return session.sizeBytes();
    }

    @Override
    public int chunkSizeBytes() {
      return session.chunkSizeBytes();
    }

    @Override
    public void read(long offsetBytes, int lengthBytes, ReadCallback sink) {
      session.read(offsetBytes, lengthBytes, sink);
    }

    @Override
    public void write(
        long offsetBytes, io.cairn.storage.env.Payload payload, boolean fua, Callback done) {
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
}
