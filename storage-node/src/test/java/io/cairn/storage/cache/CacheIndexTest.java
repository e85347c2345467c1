package io.cairn.storage.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CacheIndexTest {
  private static long key(int block) {
    return CacheIndex.key(7, 0, block >> 10, block & 1023);
  }

  private static boolean read(CacheIndex index, int block) {
    if (index.find(key(block), 1) != CacheIndex.NONE) {
      return true;
    }
    if (index.wants(key(block))) {
      index.fill(index.claim(), key(block), 1);
    }
    return false;
  }

  @Test
  void whatItSaysIsWhatAModelSays() {
    for (int seed = 1; seed <= 40; seed++) {
      Random random = new Random(seed);
      int slots = 1 + random.nextInt(50);
      CacheIndex index = new CacheIndex(slots);
      Map<Integer, long[]> bySlot = new HashMap<>();
      Set<Integer> claimed = new HashSet<>();
      for (int step = 0; step < 4_000; step++) {
        long key = key(random.nextInt(80));
        switch (random.nextInt(6)) {
          case 0 -> {
            int slot = index.claim();
            assertEquals(claimed.size() == slots, slot == CacheIndex.NONE);
            if (slot != CacheIndex.NONE) {
              assertTrue(claimed.add(slot), "claimed twice");
              bySlot.remove(slot);
            }
          }
          case 1, 2 -> {
            if (!claimed.isEmpty()) {
              int slot = claimed.iterator().next();
              claimed.remove(slot);
              bySlot.values().removeIf(held -> held[0] == key);
              index.fill(slot, key, step);
              bySlot.put(slot, new long[] {key, step});
            }
          }
          case 3 -> {
            if (!bySlot.isEmpty()) {
              int slot = bySlot.keySet().iterator().next();
              index.drop(bySlot.remove(slot)[0], slot);
            }
          }
          default -> {
            int slot = CacheIndex.NONE;
            long version = random.nextInt(8) == 0 ? -1 : 0;
            for (Map.Entry<Integer, long[]> held : bySlot.entrySet()) {
              if (held.getValue()[0] == key) {
                slot = held.getKey();
                version = version < 0 ? -1 : held.getValue()[1];
              }
            }
            assertEquals(version < 0 ? CacheIndex.NONE : slot, index.find(key, version));
            if (version < 0) {
              bySlot.remove(slot);
            }
          }
        }
        assertEquals(bySlot.size(), index.filled());
      }
    }
  }

  @Test
  void aScanTakesNothingInAndCostsTheHotSetNothing() {
    CacheIndex index = new CacheIndex(1000);
    Random random = new Random(3);
    for (int i = 0; i < 20_000; i++) {
      read(index, random.nextInt(800));
    }
    int before = index.filled();
    assertTrue(before > 790, "only " + before + " of 800 blocks were taken in");
    for (int block = 10_000; block < 110_000; block++) {
      assertFalse(read(index, block));
    }
    int hits = 0;
    for (int block = 0; block < 800; block++) {
      hits += read(index, block) ? 1 : 0;
    }
    assertEquals(before, hits);
  }

  @Test
  void anOldVersionIsNeverFound() {
    CacheIndex index = new CacheIndex(4);
    index.fill(index.claim(), key(1), 5);
    assertNotEquals(CacheIndex.NONE, index.find(key(1), 5));
    assertEquals(CacheIndex.NONE, index.find(key(1), 6));
    assertEquals(CacheIndex.NONE, index.find(key(1), 5), "it was given up");
  }
}
