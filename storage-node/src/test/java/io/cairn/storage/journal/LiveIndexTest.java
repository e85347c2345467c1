package io.cairn.storage.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.wire.Crc32c;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The live index of one chunk beside arrays, with checkpoints, loads and evictions in between. */
final class LiveIndexTest {
  private static final int PAGES = 3;
  private static final int BLOCKS = PAGES * Page.BLOCKS;

  /** What each block is at one position of the journal. */
  private static final class State {
    final long[] versions = new long[BLOCKS];
    final int[] crcs = new int[BLOCKS];
    final long[] places = new long[BLOCKS];

    State() {
      Arrays.fill(crcs, Crc32c.ZERO_BLOCK);
    }

    State copy() {
      State copy = new State();
      System.arraycopy(versions, 0, copy.versions, 0, BLOCKS);
      System.arraycopy(crcs, 0, copy.crcs, 0, BLOCKS);
      System.arraycopy(places, 0, copy.places, 0, BLOCKS);
      return copy;
    }
  }

  private final LiveIndex index = new LiveIndex(null);
  private final IndexedChunk chunk = new IndexedChunk(new ChunkId(5, 0, 0), BLOCKS);
  private final CheckpointPage[] loads = new CheckpointPage[PAGES];
  private final boolean[] unsettled = new boolean[PAGES];
  private final State now = new State();
  private State catalogue = now.copy();
  private boolean[] stored = new boolean[PAGES];
  private Random random;
  private long lsn = 1;
  private long tailLsn = 1;
  private long version;

  LiveIndexTest() {
    index.endRecovery();
    index.add(chunk);
  }

  @Test
  void isWhatArraysSayWheneverItIsLoaded() {
    random = new Random(7);
    for (int i = 0; i < 200_000; i++) {
      step();
      compare(random.nextInt(BLOCKS));
    }
    assertTrue(index.loadedPages() <= PAGES);
  }

  private void step() {
    int page = random.nextInt(PAGES);
    switch (random.nextInt(12)) {
      case 0 -> zero();
      case 1 -> checkpoint();
      case 2, 3 -> settle(page);
      case 4, 5 -> beginLoad(page);
      case 6, 7 -> endLoad(page);
      case 8 -> index.evictSome(1, random.nextInt(PAGES + 1));
      default -> write();
    }
  }

  private void write() {
    int block = random.nextInt(random.nextBoolean() ? 20 : BLOCKS);
    int count = Math.min(1 + random.nextInt(random.nextInt(10) == 0 ? 300 : 4), BLOCKS - block);
    version++;
    for (int i = block; i < block + count; i++) {
      put(i, (int) (version * 31 + i), lsn + 64 + 4096L * (i - block));
      index.put(chunk, i, version, now.crcs[i], now.places[i], lsn);
    }
    lsn += 64 + 4096L * count;
  }

  private void zero() {
    int block = random.nextInt(2) * random.nextInt(BLOCKS);
    int count = 1 + random.nextInt(BLOCKS - block);
    version++;
    long place = random.nextBoolean() ? Page.HOLE : Page.ALLOCATED;
    index.zero(chunk, block, count, version, place, lsn);
    for (int i = block; i < block + count; i++) {
      put(i, Crc32c.ZERO_BLOCK, place);
    }
    lsn += 64;
  }

  private void put(int block, int crc, long place) {
    now.versions[block] = version;
    now.crcs[block] = crc;
    now.places[block] = place;
  }

  /** All that was written is in the catalogue; the index hears of it page by page. */
  private void checkpoint() {
    catalogue = now.copy();
    for (int i = 0; i < BLOCKS; i++) {
      stored[i / Page.BLOCKS] |= catalogue.versions[i] != 0;
      catalogue.places[i] = catalogue.places[i] > 0 ? Page.TIER : catalogue.places[i];
    }
    tailLsn = lsn;
    System.arraycopy(stored, 0, unsettled, 0, PAGES);
  }

  private void settle(int page) {
    if (unsettled[page]) {
      boolean settled = index.settle(chunk, page, tailLsn, 2);
      assertEquals(loads[page] == null, settled);
      unsettled[page] = !settled;
    }
  }

  private void beginLoad(int page) {
    if (loads[page] == null && !index.isLoaded(chunk, page, 0, Page.BLOCKS)) {
      assertTrue(stored[page]);
      loads[page] = index.anyBase();
      index.setLoading(chunk, page, true);
      for (int i = 0; i < Page.BLOCKS; i++) {
        int block = page * Page.BLOCKS + i;
        loads[page].put(
            i, catalogue.versions[block], catalogue.crcs[block], catalogue.places[block]);
      }
    }
  }

  private void endLoad(int page) {
    if (loads[page] != null) {
      index.install(chunk, page, loads[page]);
      index.setLoading(chunk, page, false);
      loads[page] = null;
      assertTrue(index.isLoaded(chunk, page, 0, Page.BLOCKS));
    }
  }

  private void compare(int block) {
    int number = block / Page.BLOCKS;
    int at = block % Page.BLOCKS;
    if (index.isLoaded(chunk, number, at, at + 1)) {
      LivePage page = index.page(chunk, number);
      assertEquals(now.versions[block], page.version(at));
      assertEquals(now.versions[block], index.version(chunk, block));
      assertEquals(now.crcs[block], page.crc(at));
      assertEquals(place(now.places[block]), place(page.place(at)));
    }
  }

  private long place(long place) {
    return place > 0 && place < tailLsn ? Page.TIER : place;
  }

  @Test
  void aWriteNeedsNoPageOfTheCatalogueAndAnotherBlockDoes() {
    chunk.setStored(1);
    index.put(chunk, Page.BLOCKS + 3, 9, 8, 4096, 64);
    assertEquals(0, index.loadedPages());
    assertTrue(index.isLoaded(chunk, 1, 3, 4));
    assertFalse(index.isLoaded(chunk, 1, 3, 5));
    assertTrue(index.isLoaded(chunk, 0, 0, Page.BLOCKS));
  }

  @Test
  void aChunkThatIsGoneCountsNoPagesAnyMore() {
    index.put(chunk, 0, 9, 8, 4096, 64);
    assertTrue(index.settle(chunk, 0, 8192, 1));
    assertEquals(1, index.loadedPages());
    index.onGone(chunk);
    assertEquals(0, index.loadedPages());
  }
}
