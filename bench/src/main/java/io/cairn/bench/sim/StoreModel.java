package io.cairn.bench.sim;

import io.cairn.bench.check.InvariantViolation;
import io.cairn.storage.replication.ChunkEntry;
import io.cairn.storage.replication.ChunkName;
import io.cairn.storage.replication.MergeRule;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Version;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * What a shard's store must hold, whatever implements it: the records that were appended, and the
 * state that they make. The oracles look here, and refuse at the append what no replica may take.
 */
final class StoreModel {
  static final byte[] ZERO = new byte[Frame.BLOCK_BYTES];

  private final String name;
  private final Observer observer;
  private final List<Entry> log = new ArrayList<>();
  private final TreeMap<Long, Long> answeredFences = new TreeMap<>();
  private final TreeSet<Long> fenced = new TreeSet<>();
  private long lastLossNanos = Long.MIN_VALUE;
  private State state = new State();

  /** Hears what the oracles of the whole cluster want to know. */
  interface Observer {
    /** A write is in the journal. */
    void stored(Key key, long version);

    /** The power went, and with it a write. */
    void lost(Key key, long version);

    /** A chunk begins to catch up from a base. */
    void catchesUp(Chunk chunk, long base);

    /** A chunk goes to the trash though its volume lives. */
    void trashed(Key key);
  }

  StoreModel(String name, Observer observer) {
    this.name = name;
    this.observer = observer;
  }

  /** What is in the journal; each record applies to a state. */
  sealed interface Change {
    record Fence(long volumeId, long generation) implements Change {}

    record Create(Key key, int sizeBlocks, long syncGeneration) implements Change {}

    record Write(Key key, long version, int block, byte[][] blocks, int[] crcs) implements Change {}

    record Fill(Key key, long generation, int block, long[] versions, byte[][] blocks, int[] crcs)
        implements Change {}

    record Begin(Key key, long generation, long base) implements Change {}

    /** A block that nobody can read. */
    static Fill unreadable(Key key, long generation, int block, long version) {
      int[] crcs = {~Crc32c.ZERO_BLOCK};
      return new Fill(key, generation, block, new long[] {version}, new byte[][] {ZERO}, crcs);
    }

    record End(Key key) implements Change {}

    record Trash(long volumeId) implements Change {}

    record TrashChunk(Key key) implements Change {}
  }

  record Key(long volumeId, int layer, int index) implements Comparable<Key> {
    @Override
    public int compareTo(Key other) {
      int byVolume = Long.compare(volumeId, other.volumeId);
      if (byVolume != 0) {
        return byVolume;
      }
      return layer != other.layer
          ? Integer.compare(layer, other.layer)
          : Integer.compare(index, other.index);
    }
  }

  private record Entry(long endLsn, Change change) {}

  /** A chunk of this store. */
  static final class Chunk implements ChunkEntry {
    final Key key;
    final int sizeBlocks;
    final long[] versions;
    final byte[][] blocks;
    final int[] crcs;

    /** Journal position behind the record that wrote the block last. */
    final long[] lsns;

    long lastVersion;
    boolean syncing;
    long syncGeneration;

    Chunk(Key key, int sizeBlocks) {
      this.key = key;
      this.sizeBlocks = sizeBlocks;
      versions = new long[sizeBlocks];
      blocks = new byte[sizeBlocks][];
      crcs = new int[sizeBlocks];
      lsns = new long[sizeBlocks];
      Arrays.fill(blocks, ZERO);
      Arrays.fill(crcs, Crc32c.ZERO_BLOCK);
    }

    @Override
    public long volumeId() {
      return key.volumeId;
    }

    @Override
    public int layer() {
      return key.layer;
    }

    @Override
    public int index() {
      return key.index;
    }

    @Override
    public int sizeBlocks() {
      return sizeBlocks;
    }

    @Override
    public long lastVersion() {
      return lastVersion;
    }

    @Override
    public boolean syncing() {
      return syncing;
    }

    @Override
    public long syncGeneration() {
      return syncGeneration;
    }
  }

  private static final class State {
    final TreeMap<Long, Long> fences = new TreeMap<>();
    final TreeMap<Key, Chunk> chunks = new TreeMap<>();

    void apply(Entry entry) {
      switch (entry.change()) {
        case Change.Fence f -> fences.put(f.volumeId(), f.generation());
        case Change.Create c -> {
          Chunk chunk = new Chunk(c.key(), c.sizeBlocks());
          chunk.syncGeneration = c.syncGeneration();
          chunk.syncing = c.syncGeneration() != 0;
          chunks.put(c.key(), chunk);
        }
        case Change.Write w -> applyWrite(w, entry.endLsn());
        case Change.Fill f -> applyFill(f, entry.endLsn());
        case Change.Begin b -> {
          Chunk chunk = chunks.get(b.key());
          chunk.syncing = true;
          chunk.syncGeneration = b.generation();
          chunk.lastVersion = b.base();
        }
        case Change.End e -> {
          Chunk chunk = chunks.get(e.key());
          chunk.syncing = false;
          chunk.syncGeneration = 0;
        }
        case Change.TrashChunk t -> chunks.remove(t.key());
        case Change.Trash t -> {
          chunks.keySet().removeIf(key -> key.volumeId == t.volumeId());
          fences.put(t.volumeId(), Version.GENERATION_MAX);
        }
      }
    }

    private void applyWrite(Change.Write w, long endLsn) {
      Chunk chunk = chunks.get(w.key());
      for (int i = 0; i < w.blocks().length; i++) {
        int block = w.block() + i;
        long current = chunk.versions[block];
        if (!chunk.syncing || MergeRule.writeApplies(current, w.version())) {
          chunk.versions[block] = w.version();
          chunk.blocks[block] = w.blocks()[i];
          chunk.crcs[block] = w.crcs()[i];
          chunk.lsns[block] = endLsn;
        }
      }
      chunk.lastVersion = w.version();
    }

    private void applyFill(Change.Fill f, long endLsn) {
      Chunk chunk = chunks.get(f.key());
      for (int i = 0; i < f.blocks().length; i++) {
        int block = f.block() + i;
        long mine = chunk.versions[block];
        long theirs = f.versions()[i];
        if (MergeRule.replaces(mine, theirs, f.generation())) {
          chunk.versions[block] = theirs;
          chunk.blocks[block] = f.blocks()[i];
          chunk.crcs[block] = f.crcs()[i];
          chunk.lsns[block] = endLsn;
        }
      }
    }
  }

  /** Takes a record that was appended; {@code endLsn} is the position behind it. */
  void append(long endLsn, Change change) {
    switch (change) {
      case Change.Create create -> requireAlive(create.key());
      case Change.Write write -> {
        require(write);
        observer.stored(write.key(), write.version());
      }
      case Change.Begin begin -> observer.catchesUp(state.chunks.get(begin.key()), begin.base());
      case Change.TrashChunk trash -> observer.trashed(trash.key());
      case Change.Fence fence -> {
        requireHigher(fence);
        fenced.add(fence.volumeId());
      }
      default -> {}
    }
    Entry entry = new Entry(endLsn, change);
    log.add(entry);
    if (change instanceof Change.Fill fill) {
      applyChecked(entry, fill);
    } else {
      state.apply(entry);
    }
  }

  /** An older block never overwrites a newer one. */
  private void applyChecked(Entry entry, Change.Fill fill) {
    Chunk chunk = state.chunks.get(fill.key());
    int to = fill.block() + fill.blocks().length;
    long[] before = Arrays.copyOfRange(chunk.versions, fill.block(), to);
    state.apply(entry);
    for (int i = 0; i < before.length; i++) {
      long after = chunk.versions[fill.block() + i];
      if (after < before[i] && Version.generation(before[i]) >= fill.generation()) {
        throw new InvariantViolation(
            "I6", name + " copied " + Version.text(after) + " over " + Version.text(before[i]));
      }
    }
  }

  private void require(Change.Write write) {
    requireAlive(write.key());
    long version = write.version();
    long answered = answeredFences.getOrDefault(write.key().volumeId(), 0L);
    if (Version.generation(version) < answered) {
      throw new InvariantViolation(
          "I1", name + " took " + Version.text(version) + " after it answered fence " + answered);
    }
    long last = state.chunks.get(write.key()).lastVersion;
    if (Version.sequence(version) != Version.sequence(last) + 1) {
      throw new InvariantViolation(
          "I5", name + " took " + Version.text(version) + " behind " + Version.text(last));
    }
    for (int i = 0; i < write.blocks().length; i++) {
      if (crc(write.blocks()[i]) != write.crcs()[i]) {
        throw new InvariantViolation("I8", name + " stored a block that fails its checksum");
      }
    }
  }

  private void requireAlive(Key key) {
    if (fence(key.volumeId()) == Version.GENERATION_MAX) {
      throw new InvariantViolation("I9", name + " holds again what was deleted: " + key);
    }
  }

  private void requireHigher(Change.Fence fence) {
    if (fence.generation() <= fence(fence.volumeId())) {
      throw new InvariantViolation("I1", name + " went back to fence " + fence.generation());
    }
  }

  /** The power went: what was not durable may be gone. */
  void powerLost(long nowNanos) {
    lastLossNanos = nowNanos;
  }

  /** Another device is in the place of the one that held all this: durable or not, it is gone. */
  void replaced(long nowNanos) {
    lastLossNanos = nowNanos;
    log.clear();
    state = new State();
    answeredFences.clear();
    fenced.clear();
  }

  /**
   * After a power loss everything behind a position is gone.
   *
   * @param keptLsn at least what was durable.
   */
  void cut(long keptLsn) {
    int keep = log.size();
    while (keep > 0 && log.get(keep - 1).endLsn() > keptLsn) {
      keep--;
    }
    List<Entry> gone = log.subList(keep, log.size());
    for (Entry entry : gone) {
      if (entry.change() instanceof Change.Write write) {
        observer.lost(write.key(), write.version());
      }
    }
    gone.clear();
    state = new State();
    log.forEach(state::apply);
    requireFences();
  }

  private void requireFences() {
    answeredFences.forEach(
        (volume, generation) -> {
          if (fence(volume) < generation) {
            throw new InvariantViolation(
                "I1", name + " answered fence " + generation + " and lost it");
          }
        });
  }

  /** Number of records, and how many of them end at or before a position. */
  int count(long endLsn) {
    int count = 0;
    while (count < log.size() && log.get(count).endLsn() <= endLsn) {
      count++;
    }
    return count;
  }

  int count() {
    return log.size();
  }

  /** Position behind the first so many records. */
  long endOf(int count) {
    return count == 0 ? 0 : log.get(count - 1).endLsn();
  }

  /** The replica answered a fence: nothing older may be taken from now on. */
  void fenceAnswered(long volumeId, long generation) {
    answeredFences.merge(volumeId, generation, Math::max);
    requireFences();
  }

  /** The replica answered that it has a write: it has all up to there. */
  void writeAnswered(Key key, long version) {
    Chunk chunk = state.chunks.get(key);
    // A volume that was deleted meanwhile has nothing any more.
    if (chunk != null && Version.sequence(chunk.lastVersion) < Version.sequence(version)) {
      throw new InvariantViolation(
          "I5",
          name
              + " acknowledged "
              + Version.text(version)
              + " and holds "
              + Version.text(chunk.lastVersion));
    }
  }

  long fence(long volumeId) {
    return state.fences.getOrDefault(volumeId, 0L);
  }

  /** Volumes that were ever fenced here. */
  List<Long> fencedVolumes() {
    return List.copyOf(fenced);
  }

  /** The chunk as it is, or null. */
  Chunk chunk(long volumeId, int layer, int index) {
    return state.chunks.get(new Key(volumeId, layer, index));
  }

  /** Names of the first chunks behind one, or of all where it is null. */
  List<ChunkName> chunksAfter(ChunkName after, int countMax) {
    Key behind = after == null ? null : new Key(after.volumeId(), after.layer(), after.index());
    return (behind == null ? state.chunks : state.chunks.tailMap(behind, false))
        .keySet().stream()
            .limit(countMax)
            .map(key -> new ChunkName(key.volumeId(), key.layer(), key.index()))
            .toList();
  }

  /** All chunks, by key. */
  Iterable<Chunk> chunks() {
    return List.copyOf(state.chunks.values());
  }

  /** When the power went last, or the device. */
  long lastLossNanos() {
    return lastLossNanos;
  }

  /** Whether the block's bytes match its checksum. */
  static boolean sound(Chunk chunk, int block) {
    return crc(chunk.blocks[block]) == chunk.crcs[block];
  }

  private static int crc(byte[] block) {
    return block == ZERO
        ? Crc32c.ZERO_BLOCK
        : new Crc32c().of(new UnsafeBuffer(block), 0, Frame.BLOCK_BYTES);
  }
}
