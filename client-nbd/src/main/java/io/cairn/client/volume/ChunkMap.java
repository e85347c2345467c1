package io.cairn.client.volume;

import io.cairn.metadata.model.ChunkRecord;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.agrona.collections.Int2ObjectHashMap;

/** The chunks of a volume that exist, as far as its owner was told. */
final class ChunkMap {
  private final TreeMap<Integer, OwnedChunk> inOrder = new TreeMap<>();
  private final Int2ObjectHashMap<OwnedChunk> byIndex = new Int2ObjectHashMap<>();

  /** The same as they were when it was asked for; null since one joined. */
  private List<OwnedChunk> all = List.of();

  /** Chunks that were not known yet join. */
  void learn(VolumeSession session, List<ChunkRecord> records, long nowNanos) {
    for (ChunkRecord record : records) {
      if (!byIndex.containsKey(record.index())) {
        OwnedChunk chunk = new OwnedChunk(session, record, nowNanos);
        inOrder.put(record.index(), chunk);
        byIndex.put(record.index(), chunk);
        all = null;
        session.mending.moves.follow(chunk);
      }
    }
  }

  /** The chunk of an index, or null while none is allocated. */
  OwnedChunk get(int index) {
    return byIndex.get(index);
  }

  /** Those that are meant, the ones with the fewest replicas in sync first. */
  static List<OwnedChunk> mostEndangeredFirst(List<OwnedChunk> some, Predicate<OwnedChunk> meant) {
    List<OwnedChunk> found = new ArrayList<>(0);
    for (OwnedChunk chunk : some) {
      if (meant.test(chunk)) {
        found.add(chunk);
      }
    }
    found.sort(Comparator.comparingInt(chunk -> chunk.record().inSyncCount()));
    return found;
  }

  /** All of them in the order of their indices, as of now: those that join later are not in it. */
  List<OwnedChunk> all() {
    if (all == null) {
      all = new ArrayList<>(inOrder.values());
    }
    return all;
  }
}
