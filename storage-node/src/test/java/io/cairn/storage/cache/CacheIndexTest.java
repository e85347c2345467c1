package io.cairn.storage.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.model.CacheMode;
import io.cairn.metadata.model.VolumeTier;
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

  private final VolumeShares shares = new VolumeShares(50);
  private final VolumeShare volume = shares.of(7);

  private boolean read(CacheIndex index, int block) {
    return read(index, volume, block);
  }

  private static boolean read(CacheIndex index, VolumeShare of, int block) {
    long key = key(block);
    if (index.find(of, key, 1) != CacheIndex.NONE) {
      return true;
    }
    if (index.wants(of, key)) {
      int slot = index.claim(of);
      if (slot != CacheIndex.NONE) {
        index.fill(slot, key, 1);
      }
    }
    return false;
  }

  @Test
  void whatItSaysIsWhatAModelSays() {
    for (int seed = 1; seed <= 40; seed++) {
      Random random = new Random(seed);
      int slots = 1 + random.nextInt(50);
      CacheIndex index = new CacheIndex(slots, shares);
      Map<Integer, long[]> bySlot = new HashMap<>();
      Set<Integer> claimed = new HashSet<>();
      for (int step = 0; step < 4_000; step++) {
        long key = key(random.nextInt(80));
        switch (random.nextInt(6)) {
          case 0 -> {
            int slot = index.claim(volume);
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
            assertEquals(version < 0 ? CacheIndex.NONE : slot, index.find(volume, key, version));
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
    CacheIndex index = new CacheIndex(1000, shares);
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
    CacheIndex index = new CacheIndex(4, shares);
    index.fill(index.claim(volume), key(1), 5);
    assertNotEquals(CacheIndex.NONE, index.find(volume, key(1), 5));
    assertEquals(CacheIndex.NONE, index.find(volume, key(1), 6));
    assertEquals(CacheIndex.NONE, index.find(volume, key(1), 5), "it was given up");
  }

  /** Blocks of the one that wants everything begin there. */
  private static final int GREEDY = 1 << 20;

  private static final int HOT_BLOCKS = 300;

  /** Many reads of a volume that wants more than there is, and one of a small hot one among 20. */
  private static double hitsBesideGreedy(
      CacheIndex index, VolumeShare hot, VolumeShare greedy, int reads) {
    Random random = new Random(9);
    int hits = 0;
    int hotReads = 0;
    for (int i = 0; i < reads; i++) {
      if (i % 20 == 0) {
        hotReads++;
        hits += read(index, hot, random.nextInt(HOT_BLOCKS)) ? 1 : 0;
      } else {
        // Each block four times within a little while: all of them look hot.
        read(index, greedy, GREEDY + i / 400 * 100 + random.nextInt(100));
      }
    }
    return (double) hits / hotReads;
  }

  private static CacheIndex warm(VolumeShares shares, VolumeShare hot) {
    CacheIndex index = new CacheIndex(1000, shares);
    for (int i = 0; i < 6 * HOT_BLOCKS; i++) {
      read(index, hot, i % HOT_BLOCKS);
    }
    assertTrue(index.filled() > HOT_BLOCKS - 30, "only " + index.filled());
    return index;
  }

  @Test
  void aVolumeThatWantsMoreThanThereIsLeavesOthersTheirShare() {
    double together = hitsBesideGreedy(warm(shares, volume), volume, volume, 200_000);
    assertTrue(together < 0.5, "as one volume they hurt each other: " + together);
    VolumeShares two = new VolumeShares(50);
    VolumeShare hot = two.of(1);
    VolumeShare greedy = two.of(2);
    CacheIndex index = warm(two, hot);
    double hits = hitsBesideGreedy(index, hot, greedy, 200_000);
    assertTrue(hits > 0.97, "hits of the hot volume: " + hits);
    assertEquals(1000, hot.cachedBlocks() + greedy.cachedBlocks());
    assertTrue(greedy.cachedBlocks() > 650, "what the other does not want is used");
    for (int i = 0; i < 40_000; i++) {
      read(index, greedy, 2 * GREEDY + i / 400 * 100 + i % 100);
    }
    assertTrue(hot.cachedBlocks() < 20, "one that is not read keeps nothing");
  }

  @Test
  void volumesThatAllWantEverythingHaveEquallyMuch() {
    int volumes = 8;
    CacheIndex index = new CacheIndex(1000, shares);
    Random random = new Random(4);
    for (int i = 0; i < 400_000; i++) {
      // The first one reads as much as all others together.
      int which = i % 2 == 0 ? 0 : random.nextInt(volumes);
      read(index, shares.of(100 + which), which * GREEDY + random.nextInt(400));
    }
    for (int which = 0; which < volumes; which++) {
      int has = shares.of(100 + which).cachedBlocks();
      assertTrue(has >= 100 && has <= 200, "volume " + which + " has " + has);
    }
  }

  private static final VolumeTier PINNED = new VolumeTier(CacheMode.WRITE_BACK, true);

  @Test
  void aPinnedVolumeIsTakenInAtItsFirstReadAndStaysUntilItIsPinnedNoMore() {
    CacheIndex index = new CacheIndex(1000, shares);
    shares.become(Map.of(1L, PINNED, 2L, VolumeTier.USUAL));
    VolumeShare pinned = shares.of(1);
    VolumeShare greedy = shares.of(2);
    hitsBesideGreedy(index, greedy, greedy, 100_000);
    for (int block = 0; block < 400; block++) {
      assertFalse(read(index, pinned, block + 5000));
    }
    assertEquals(400, pinned.cachedBlocks());
    assertEquals(400, shares.pinnedSlots());
    hitsBesideGreedy(index, greedy, greedy, 100_000);
    for (int block = 0; block < 400; block++) {
      assertTrue(read(index, pinned, block + 5000));
    }
    shares.become(Map.of(1L, VolumeTier.USUAL, 2L, VolumeTier.USUAL));
    assertEquals(0, shares.pinnedSlots());
    hitsBesideGreedy(index, greedy, greedy, 100_000);
    assertTrue(pinned.cachedBlocks() < 20, "has " + pinned.cachedBlocks());
  }

  @Test
  void pinnedVolumesHaveTheirPartAndOthersShareTheRest() {
    CacheIndex index = new CacheIndex(1000, shares);
    shares.become(Map.of(1L, PINNED, 2L, VolumeTier.USUAL, 3L, PINNED));
    for (int i = 0; i < 6 * HOT_BLOCKS; i++) {
      read(index, shares.of(2), i % HOT_BLOCKS);
    }
    for (int block = 0; block < 3000; block++) {
      read(index, shares.of(1 + block % 2 * 2), block + 5000);
    }
    assertEquals(500, shares.pinnedSlots());
    assertTrue(shares.isPinnedFull());
    int hits = 0;
    for (int i = 0; i < HOT_BLOCKS; i++) {
      hits += read(index, shares.of(2), i) ? 1 : 0;
    }
    assertTrue(hits > 0.95 * HOT_BLOCKS, "hits of the other: " + hits);
    hitsBesideGreedy(index, shares.of(2), shares.of(4), 50_000);
    assertEquals(500, shares.pinnedSlots(), "none of them gave way");
    hitsBesideGreedy(index, shares.of(1), shares.of(1), 50_000);
    assertTrue(shares.pinnedSlots() >= 500, "what came beyond does not take from what is kept");
    hitsBesideGreedy(index, shares.of(4), shares.of(4), 50_000);
    assertTrue(
        shares.pinnedSlots() >= 499 && shares.pinnedSlots() <= 510,
        "and goes again: " + shares.pinnedSlots());
  }

  @Test
  void whatARestartFoundBelongsToWhoeverReadsIt() {
    CacheIndex index = new CacheIndex(8, shares);
    index.fill(3, key(1), 1);
    assertEquals(0, volume.cachedBlocks());
    assertTrue(read(index, 1));
    assertEquals(1, volume.cachedBlocks());
    shares.become(Map.of());
    assertEquals(0, shares.of(7).cachedBlocks(), "one that is gone and comes again is another");
    assertTrue(read(index, shares.of(7), 1));
    assertEquals(1, shares.of(7).cachedBlocks(), "and takes over what is read for it");
    index.clear();
    assertFalse(read(index, 1));
  }
}
