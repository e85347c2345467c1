package io.cairn.metadata.machine;

import io.cairn.metadata.codec.Codec;
import io.cairn.metadata.command.Event;
import io.cairn.metadata.model.AccessRecord;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.ClusterCondition;
import io.cairn.metadata.model.ClusterEvent;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.PortalRecord;
import io.cairn.metadata.model.ReservationRecord;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.release.Release;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Predicate;

/**
 * The recorded state over ordered keys; FORMAT.md lists the keys. Changes only by {@link #replay}.
 * Not thread-safe.
 */
public final class MetadataState {
  private static final String CLUSTER = "cluster";
  private static final String LEVEL = "level";
  private static final String NEXT_NODE = "next/node";
  private static final String NEXT_VOLUME = "next/volume";
  private static final String NODE = "node/";
  private static final String STORE = "store/";
  private static final String VOLUME = "volume/";
  private static final String NAME = "name/";
  private static final String CHUNK = "chunk/";
  private static final String RESERVATION = "reservation/";
  private static final String ACCESS = "access/";
  private static final String PORTAL = "portal/";
  private static final String DEAD_VOLUME = "dead/";
  private static final String EVENT = "event/";
  private static final String NEXT_EVENT = "next/event";
  private static final String CONDITION = "condition/";

  /** So many events are kept: with the longest texts, about 1 MiB. */
  public static final int EVENTS_MAX = 1000;

  /** Comes after every key that starts with a prefix: keys are ASCII. */
  private static final String LAST = "\u007f";

  private final KeyValues keys;

  /** Follows the chunks once somebody has asked; null before. */
  private ReplicaCounts counts;

  public MetadataState(KeyValues keys) {
    this.keys = keys;
  }

  /** Applies one event. Every server applies the same events in the same order. */
  public void replay(Event event) {
    switch (event) {
      case Event.ClusterInitialized e -> putLong(CLUSTER, e.clusterId());
      case Event.LevelRaised e -> putLong(LEVEL, e.level());
      case Event.NodeStored e -> {
        NodeRecord node = e.node();
        keys.put(NODE + hex(node.nodeId()), Codec.encode(node));
        putLong(storeKey(node.storeIdHigh(), node.storeIdLow()), node.nodeId());
        putLong(NEXT_NODE, Math.max(nextNodeId(), node.nodeId() + 1));
        if (counts != null) {
          counts.knows(node);
        }
      }
      case Event.NodeRemoved e -> keys.delete(NODE + hex(e.nodeId()));
      case Event.VolumeStored e -> {
        VolumeRecord volume = e.volume();
        keys.put(VOLUME + hex(volume.volumeId()), Codec.encode(volume));
        if (counts != null) {
          counts.wants(volume);
        }
        putLong(NAME + volume.name(), volume.volumeId());
        putLong(NEXT_VOLUME, Math.max(nextVolumeId(), volume.volumeId() + 1));
      }
      case Event.ReservationsStored e ->
          keys.put(RESERVATION + hex(e.reservations().volumeId()), Codec.encode(e.reservations()));
      case Event.AccessChanged e -> {
        String key = ACCESS + hex(e.access().volumeId());
        if (e.access().listed()) {
          keys.put(key, Codec.encode(e.access()));
        } else {
          keys.delete(key);
        }
      }
      case Event.PortalStored e ->
          keys.put(PORTAL + hex(e.portal().number()), Codec.encode(e.portal()));
      case Event.VolumeDeleted e -> delete(e.volumeId());
      case Event.ChunkStored e -> {
        if (counts != null) {
          counts.replaced(record(chunkKey(e.chunk()), ChunkRecord.class), e.chunk());
        }
        keys.put(chunkKey(e.chunk()), Codec.encode(e.chunk()));
      }
      case Event.ClusterEventStored e -> {
        long eventNumber = e.happened().number();
        keys.put(EVENT + hex(eventNumber), Codec.encode(e.happened()));
        keys.delete(EVENT + hex(eventNumber - EVENTS_MAX));
        putLong(NEXT_EVENT, eventNumber + 1);
      }
      case Event.ConditionStored e -> {
        String key = conditionKey(e.condition());
        if (e.condition().value() == null) {
          keys.delete(key);
        } else {
          keys.put(key, Codec.encode(e.condition()));
        }
      }
    }
  }

  private void delete(long volumeId) {
    VolumeRecord volume = volume(volumeId);
    List<String> chunks = new ArrayList<>();
    String prefix = CHUNK + hex(volumeId) + "/";
    keys.scan(prefix, prefix + LAST, (key, value) -> chunks.add(key));
    chunks.forEach(keys::delete);
    keys.delete(NAME + volume.name());
    keys.delete(VOLUME + hex(volumeId));
    keys.delete(RESERVATION + hex(volumeId));
    keys.delete(ACCESS + hex(volumeId));
    putLong(DEAD_VOLUME + hex(volumeId), volumeId);
    if (counts != null) {
      counts.deleted(volumeId);
    }
  }

  /** Replicas by volume and node; counted by one pass at first, followed from then on. */
  public ReplicaCounts counts() {
    if (counts == null) {
      ReplicaCounts counted = new ReplicaCounts();
      nodes().forEach(counted::knows);
      volumes().forEach(counted::wants);
      visitChunks(
          0,
          chunk -> {
            counted.replaced(null, chunk);
            return true;
          });
      counts = counted;
    }
    return counts;
  }

  /** The cluster's id; 0 before it has one. */
  public long clusterId() {
    return getLong(CLUSTER, 0);
  }

  /** What the servers may use: 1 until it is raised. */
  public int level() {
    return Math.toIntExact(getLong(LEVEL, 1));
  }

  /** Why a server of that level may not take part; null when it may. */
  String tooOld(int serverLevel) {
    return Release.of(serverLevel) >= level()
        ? null
        : "the cluster was upgraded to level "
            + level()
            + " and this server knows level "
            + Release.of(serverLevel)
            + " at most: start it from a newer release";
  }

  long nextNodeId() {
    return getLong(NEXT_NODE, 1);
  }

  long nextVolumeId() {
    return getLong(NEXT_VOLUME, 1);
  }

  /** Number that the next event for operators gets. */
  long nextEventNumber() {
    return getLong(NEXT_EVENT, 1);
  }

  /** Up to limit events for operators that are younger than the one of a number, by number. */
  public List<ClusterEvent> events(long afterNumber, int limit) {
    return records(EVENT + hex(afterNumber + 1), EVENT + LAST, ClusterEvent.class, limit);
  }

  /** What is on record of the same aspect of the same subject; null where that is as usual. */
  ClusterCondition condition(ClusterCondition like) {
    return record(conditionKey(like), ClusterCondition.class);
  }

  /** All that is not as usual. */
  public List<ClusterCondition> conditions() {
    return records(CONDITION, CONDITION + LAST, ClusterCondition.class, Integer.MAX_VALUE);
  }

  /** Keys are ASCII, and what a subject is called is not. */
  private static String conditionKey(ClusterCondition condition) {
    return CONDITION
        + condition.aspect()
        + "/"
        + HexFormat.of().formatHex(condition.subject().getBytes(StandardCharsets.UTF_8));
  }

  /** The node, or null. */
  public NodeRecord node(long nodeId) {
    return record(NODE + hex(nodeId), NodeRecord.class);
  }

  /** The id that a store was given, also after its node was removed; 0 when it has none. */
  long nodeIdOfStore(long storeIdHigh, long storeIdLow) {
    return getLong(storeKey(storeIdHigh, storeIdLow), 0);
  }

  /** All nodes by id. */
  public List<NodeRecord> nodes() {
    return records(NODE, NODE + LAST, NodeRecord.class, Integer.MAX_VALUE);
  }

  /** The volume, or null. */
  public VolumeRecord volume(long volumeId) {
    return record(VOLUME + hex(volumeId), VolumeRecord.class);
  }

  /** The volume, or null. */
  public VolumeRecord volume(String name) {
    long id = getLong(NAME + name, 0);
    return id == 0 ? null : volume(id);
  }

  /** Where iSCSI is served, by number. */
  public List<PortalRecord> portals() {
    return records(PORTAL, PORTAL + LAST, PortalRecord.class, Integer.MAX_VALUE);
  }

  /** Who registered with a volume and reserved it. */
  public ReservationRecord reservations(long volumeId) {
    ReservationRecord found = record(RESERVATION + hex(volumeId), ReservationRecord.class);
    return found == null ? ReservationRecord.none(volumeId) : found;
  }

  /** Which initiators may open a volume. */
  public AccessRecord access(long volumeId) {
    AccessRecord found = record(ACCESS + hex(volumeId), AccessRecord.class);
    return found == null ? AccessRecord.none(volumeId) : found;
  }

  /** All volumes by id. */
  public List<VolumeRecord> volumes() {
    return records(VOLUME, VOLUME + LAST, VolumeRecord.class, Integer.MAX_VALUE);
  }

  /** Whether the volume existed once and was deleted. */
  public boolean wasDeleted(long volumeId) {
    return keys.get(DEAD_VOLUME + hex(volumeId)) != null;
  }

  /** The chunk, or null when it is not allocated. */
  public ChunkRecord chunk(long volumeId, int layer, int index) {
    return record(chunkKey(volumeId, layer, index), ChunkRecord.class);
  }

  /** Up to limit chunks of a layer from an index on. */
  public List<ChunkRecord> chunks(long volumeId, int layer, int fromIndex, int limit) {
    return records(
        chunkKey(volumeId, layer, fromIndex),
        CHUNK + hex(volumeId) + "/" + hex(layer) + "/" + LAST,
        ChunkRecord.class,
        limit);
  }

  /** Visits all chunks of a volume, or of all volumes when volumeId is 0, until told to stop. */
  public void visitChunks(long volumeId, Predicate<ChunkRecord> visitor) {
    String prefix = volumeId == 0 ? CHUNK : CHUNK + hex(volumeId) + "/";
    keys.scan(
        prefix,
        prefix + LAST,
        (key, value) -> visitor.test(Codec.decode(value, ChunkRecord.class)));
  }

  private <T> List<T> records(String from, String to, Class<T> type, int limit) {
    List<T> found = new ArrayList<>();
    if (limit > 0) {
      keys.scan(
          from,
          to,
          (key, value) -> {
            found.add(Codec.decode(value, type));
            return found.size() < limit;
          });
    }
    return found;
  }

  private <T> T record(String key, Class<T> type) {
    byte[] value = keys.get(key);
    return value == null ? null : Codec.decode(value, type);
  }

  private long getLong(String key, long absent) {
    byte[] value = keys.get(key);
    return value == null
        ? absent
        : Long.parseUnsignedLong(new String(value, StandardCharsets.US_ASCII), 16);
  }

  private void putLong(String key, long value) {
    keys.put(key, hex(value).getBytes(StandardCharsets.US_ASCII));
  }

  private static String chunkKey(ChunkRecord chunk) {
    return chunkKey(chunk.volumeId(), chunk.layer(), chunk.index());
  }

  private static String chunkKey(long volumeId, int layer, int index) {
    return CHUNK + hex(volumeId) + "/" + hex(layer) + "/" + hex(index);
  }

  private static String storeKey(long high, long low) {
    return STORE + hex(high) + hex(low);
  }

  private static String hex(long value) {
    return HexFormat.of().toHexDigits(value);
  }

  private static String hex(int value) {
    return HexFormat.of().toHexDigits(value);
  }
}
