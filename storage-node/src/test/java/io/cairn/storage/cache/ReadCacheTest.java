package io.cairn.storage.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.chunk.SmallDevice;
import io.cairn.storage.wire.Frame;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.HexFormat;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The cache on a file: what it takes in, and what is left of it after a restart. */
class ReadCacheTest {
  private static final long SIZE_BYTES = 4 << 20;

  private static final long VOLUME = 7;

  @TempDir private Path directory;
  private final VolumeShares shares = new VolumeShares(50);
  private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
  private final UnsafeBuffer block = new UnsafeBuffer(ByteBuffer.allocateDirect(Frame.BLOCK_BYTES));

  private final CacheLoop loop =
      new CacheLoop() {
        @Override
        public void onLoop(Runnable task) {
          tasks.add(task);
        }

        @Override
        public void offLoop(Runnable task) {
          tasks.add(task);
        }

        @Override
        public void later(long delayNanos, Runnable task) {
          tasks.add(task);
        }
      };

  private ReadCache open(long nodeId) throws IOException {
    return ReadCache.open(
        FileCacheDevice.open(directory.resolve("read-cache"), SIZE_BYTES, 1, nodeId, 0),
        loop,
        shares);
  }

  private void settle() {
    while (!tasks.isEmpty()) {
      tasks.poll().run();
    }
  }

  private static long key(int number) {
    return CacheIndex.key(VOLUME, 0, 0, number);
  }

  private void offerTwice(ReadCache cache, int number) {
    block.setMemory(0, Frame.BLOCK_BYTES, (byte) number);
    cache.offer(VOLUME, key(number), 1000 + number, block, 0);
    cache.offer(VOLUME, key(number), 1000 + number, block, 0);
  }

  private byte read(ReadCache cache, int number) throws IOException {
    int slot = cache.find(VOLUME, key(number), 1000 + number);
    assertNotEquals(CacheIndex.NONE, slot, "block " + number);
    block.setMemory(0, Frame.BLOCK_BYTES, (byte) 0);
    cache.read(slot, block, 0);
    assertEquals(block.getByte(0), block.getByte(Frame.BLOCK_BYTES - 1));
    return block.getByte(0);
  }

  @Test
  void aBlockThatIsReadTwiceIsThereAlsoAfterARestart() throws IOException {
    ReadCache cache = open(5);
    for (int i = 1; i <= 100; i++) {
      offerTwice(cache, i);
      settle();
      assertEquals(i, read(cache, i));
    }
    cache.offer(VOLUME, key(999), 1, block, 0);
    settle();
    assertEquals(100, cache.counters().writtenBlocks(), "what is read once is not written");
    cache.close();
    ReadCache again = open(5);
    assertEquals(100, again.filledBlocks());
    for (int i = 1; i <= 100; i++) {
      assertEquals(i, read(again, i));
    }
    again.close();
  }

  /** Takes blocks in until all slots have one. */
  private void fill(ReadCache cache, int count) {
    for (int i = 1; i <= count; i++) {
      offerTwice(cache, i);
      settle();
    }
    assertEquals(count, cache.filledBlocks());
  }

  @Test
  void whatIsCachedStaysWhenItGrowsAndWhatFitsWhenItShrinks() throws IOException {
    ReadCache cache = open(5);
    int slots = cache.slots();
    fill(cache, slots);
    cache.resize(3 * slots);
    assertEquals(CacheIndex.NONE, cache.find(VOLUME, key(1), 1001), "while it is resized");
    settle();
    assertEquals(3 * slots, cache.slots());
    for (int i = 1; i <= slots; i++) {
      assertEquals((byte) i, read(cache, i));
    }
    for (int i = slots + 1; i <= 2 * slots; i++) {
      offerTwice(cache, i);
      settle();
    }
    assertEquals(2 * slots, cache.filledBlocks(), "new blocks come where there is place");
    assertEquals(2 * slots, shares.of(VOLUME).cachedBlocks());
    cache.resize(700);
    settle();
    assertEquals(700, cache.filledBlocks());
    assertEquals(700, shares.of(VOLUME).cachedBlocks());
    for (int i = 1; i <= 700; i++) {
      assertEquals((byte) i, read(cache, i));
    }
    assertEquals(4096 * (1 + 700 + 3), Files.size(directory.resolve("read-cache")));
    cache.close();
    ReadCache again = open(5);
    assertEquals(700, again.slots(), "it has the size that it has");
    assertEquals(700, again.filledBlocks());
    again.close();
  }

  @Test
  void aSizeThatIsAskedForWhileItWritesComesAfterThat() throws IOException {
    ReadCache cache = open(5);
    for (int i = 1; i <= 20; i++) {
      offerTwice(cache, i);
    }
    assertTrue(cache.isUnderWay());
    cache.resize(500);
    cache.resize(600);
    settle();
    assertEquals(600, cache.slots());
    assertEquals(20, cache.filledBlocks());
    cache.close();
  }

  @Test
  void withoutRoomItKeepsItsSizeAndWhatItHas() throws Exception {
    try (SmallDevice device = SmallDevice.mount(directory, 8 << 20)) {
      ReadCache cache =
          ReadCache.open(
              FileCacheDevice.open(device.directory().resolve("c"), SIZE_BYTES, 1, 5, 0),
              loop,
              shares);
      int slots = cache.slots();
      fill(cache, 50);
      cache.resize(4 * slots);
      settle();
      assertTrue(cache.resizeProblem().contains("not the " + 4 * slots), cache.resizeProblem());
      assertEquals(slots, cache.slots());
      for (int i = 1; i <= 50; i++) {
        assertEquals(i, read(cache, i));
      }
      cache.resize(slots / 2);
      settle();
      assertEquals(slots / 2, cache.slots());
      assertEquals(null, cache.resizeProblem());
      cache.close();
    }
  }

  @Test
  void oneThatIsStoppedWhileItWorksIsToldOfItsEndAndBeginsNothing() throws IOException {
    ReadCache cache = open(5);
    for (int i = 1; i <= 40; i++) {
      offerTwice(cache, i);
    }
    int[] ends = new int[1];
    cache.resize(500);
    cache.stop(() -> ends[0]++);
    settle();
    assertEquals(1, ends[0]);
    assertFalse(cache.isUnderWay());
    assertTrue(cache.slots() > 500);
    cache.close();
  }

  @Test
  void anotherNodesCacheIsNotUsed() throws IOException {
    ReadCache cache = open(5);
    offerTwice(cache, 1);
    settle();
    cache.close();
    ReadCache other = open(6);
    assertEquals(0, other.filledBlocks());
    other.close();
  }

  @Test
  void pagesOfEntriesThatAreNotWholeAreEmpty() throws IOException {
    ReadCache cache = open(5);
    offerTwice(cache, 1);
    settle();
    cache.close();
    Path file = directory.resolve("read-cache");
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[] {77}), 4096 + 16);
    }
    ReadCache torn = open(5);
    assertEquals(0, torn.filledBlocks());
    torn.close();
  }

  @Test
  void theFileIsNotLargerThanItIsToBe() throws IOException {
    open(5).close();
    long size = Files.size(directory.resolve("read-cache"));
    assertTrue(size <= SIZE_BYTES && size > SIZE_BYTES - 3 * 4096, size + " bytes");
  }

  @Test
  void theBytesOnTheDeviceAreThoseOfTheFormat() throws IOException {
    ReadCache cache = open(5);
    offerTwice(cache, 1);
    settle();
    cache.close();
    ByteBuffer bytes = ByteBuffer.allocate(4096 + 48).order(ByteOrder.LITTLE_ENDIAN);
    try (FileChannel channel = FileChannel.open(directory.resolve("read-cache"))) {
      while (bytes.hasRemaining() && channel.read(bytes) >= 0) {}
    }
    HexFormat hex = HexFormat.of();
    byte[] all = bytes.array();
    assertEquals("43524e52", hex.formatHex(all, 0, 4));
    assertEquals("0200000000000000", hex.formatHex(all, 8, 16));
    assertEquals("0100000000000000050000000000000000000000", hex.formatHex(all, 16, 36));
    assertEquals("43524e45", hex.formatHex(all, 4096, 4100));
    assertEquals("0000000001000000", hex.formatHex(all, 4104, 4112));
    assertEquals(key(1), bytes.getLong(4112));
    assertEquals(1001, bytes.getLong(4120));
    assertEquals(0, bytes.getLong(4128));
  }
}
