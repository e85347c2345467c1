package io.cairn.storage.replication;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.List;
import org.junit.jupiter.api.Test;

class UnfinishedTest {
  private static final long VOLUME = 7;

  private final MemoryStore store = new MemoryStore();
  private final Unfinished unfinished = new Unfinished(store);

  private static ChunkName name(int index) {
    return new ChunkName(VOLUME, 0, index);
  }

  @Test
  void anOwnerIsToldInTurnOfThoseThatEarlierOnesLeft() {
    assertNull(unfinished.next(VOLUME, 3));
    store.create(VOLUME, 0, 0, 256);
    ChunkEntry first = store.createSyncing(VOLUME, 0, 1, 256, 1);
    store.createSyncing(VOLUME, 0, 2, 256, 3);
    store.createSyncing(VOLUME, 0, 4, 256, 2);
    assertEquals(name(1), unfinished.next(VOLUME, 3));
    assertEquals(name(4), unfinished.next(VOLUME, 3));
    assertEquals(name(1), unfinished.next(VOLUME, 3));
    store.appendSyncEnd(first);
    assertEquals(name(4), unfinished.next(VOLUME, 3));
    assertEquals(name(4), unfinished.next(VOLUME, 3));
    assertNull(unfinished.next(VOLUME + 1, 3));
    assertNull(unfinished.next(VOLUME, 1));
  }

  @Test
  void theMetadataIsToldOfAllOfThemSomeAtATime() {
    assertEquals(List.of(), unfinished.some(2));
    for (int index = 0; index < 3; index++) {
      store.createSyncing(VOLUME, 0, index, 256, 1);
    }
    assertEquals(List.of(name(0), name(1)), unfinished.some(2));
    assertEquals(List.of(name(2)), unfinished.some(2));
    assertEquals(List.of(name(0), name(1)), unfinished.some(2));
  }
}
