package io.cairn.storage.replication;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.junit.jupiter.api.Test;

class RefilledTest {
  private static final long VOLUME = 7;
  private static final long OTHER = 8;
  private static final long LATER = 9;

  private final MemoryStore store = new MemoryStore();

  private void create(long volume, int first, int count) {
    for (int index = first; index < first + count; index++) {
      store.create(volume, 0, index, 256);
    }
  }

  @Test
  void aShardThatNeverLostAnythingSaysNothing() {
    create(VOLUME, 0, 3);
    assertEquals(Map.of(), new Refilled(store, LostChunks.NONE).count(10));
  }

  @Test
  void wholeChunksAreCountedByVolumeSomeAtATime() {
    Refilled refilled = new Refilled(store, new LostChunks(2, Map.of(VOLUME, 9L, OTHER, 1L)));
    assertEquals(Map.of(VOLUME, 0L, OTHER, 0L), refilled.count(2));
    create(VOLUME, 0, 3);
    store.createSyncing(VOLUME, 0, 3, 256, 1);
    create(LATER, 4, 2);
    assertEquals(Map.of(VOLUME, 0L, OTHER, 0L), refilled.count(4));
    assertEquals(Map.of(VOLUME, 3L, OTHER, 0L), refilled.count(4));
    assertEquals(Map.of(VOLUME, 3L, OTHER, 0L), refilled.count(4));
  }
}
