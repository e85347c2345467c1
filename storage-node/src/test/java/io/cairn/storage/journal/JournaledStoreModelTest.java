package io.cairn.storage.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.env.Payload;
import io.cairn.storage.replication.ChunkEntry;
import io.cairn.storage.replication.HeapPayload;
import io.cairn.storage.replication.MemoryStore;
import io.cairn.storage.replication.ShardStore;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Version;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.agrona.collections.LongArrayList;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/**
 * The store beside a model that keeps everything in memory: random appends, kills and power losses,
 * also in the middle of destaging, and in every third run other sizes of the journal. After each
 * recovery the store is a prefix of what was appended that holds at least what was durable, byte
 * for byte.
 */
class JournaledStoreModelTest {
  static final int CHUNK_BLOCKS = 320;
  private static final int CHUNKS = 3;
  private static final int SEGMENT_BYTES = 96 << 10;
  private static final long VOLUME = 5;

  private final Crc32c crc = new Crc32c();
  private Random random;
  private TestLoop loop;
  private TestDisk disk;
  private MemoryStore model;
  private JournaledStore store;
  private final List<Long> ends = new ArrayList<>();

  /** Chunks that went to the trash: reads of them may end in any way. */
  private final List<ChunkEntry> gone = new ArrayList<>();

  /** Blocks that were made unreadable at some time. */
  private final Set<String> unreadable = new TreeSet<>();

  private long life;
  private long sequence;
  private long fence;
  private boolean failed;
  private boolean resizes;

  /** An append was told to wait: onRoom must follow. */
  private boolean parked;

  @Test
  void everyRecoveryIsAPrefixThatHoldsAllThatWasDurable() throws Exception {
    int runs = Integer.getInteger("cairn.store.runs", 150);
    long first = Long.getLong("cairn.store.seed", 1);
    for (long seed = first; seed < first + runs; seed++) {
      try {
        run(seed);
      } catch (Throwable e) {
        throw new AssertionError("-Dcairn.store.seed=" + seed + " -Dcairn.store.runs=1: " + e, e);
      }
    }
  }

  private void run(long seed) throws Exception {
    random = new Random(seed);
    loop = new TestLoop(random);
    disk = new TestDisk(loop, random, SEGMENT_BYTES, 4 + random.nextInt(3));
    disk.cache = random.nextInt(3) == 0 ? null : disk.new MemoryCache(1 + random.nextInt(200));
    model = new MemoryStore();
    ends.clear();
    life = 0;
    sequence = 0;
    fence = 0;
    resizes = seed % 3 == 0;
    for (int lives = 0; lives < 6; lives++) {
      open();
      compare();
      int steps = random.nextInt(300);
      for (int i = 0; i < steps && !failed; i++) {
        step();
      }
      if (random.nextInt(4) > 0 && !failed) {
        disk.full = false;
        loop.settle();
        assertTrue(failed || !parked, "nobody told a parked append to go on");
        assertTrue(
            failed || store.resizeProblem() != null || store.journalLackBytes() == 0,
            () -> store.journalLackBytes() + " bytes of segments are missing");
        compare();
      }
      die();
    }
  }

  private void open() throws Exception {
    failed = false;
    parked = false;
    StoreSettings settings =
        new StoreSettings(
            10_000_000L, 64 << 10, 50, 25, 3, random.nextInt(4), 1_000_000_000L, 50, 128);
    store =
        JournaledStore.open(
            new JournalIdentity(1, 2, 3),
            List.copyOf(disk.regions),
            ++life,
            disk,
            disk,
            loop,
            length -> HeapPayload.of(new byte[length]),
            settings,
            disk.cache);
    store.start(
        new ShardStore.Listener() {
          @Override
          public void onDurable(long durableLsn) {}

          @Override
          public void onRoom() {
            parked = false;
          }

          @Override
          public void onFailed(String reason) {
            assertTrue(reason.contains("Killed"), reason);
            failed = true;
          }
        });
    int recovered = 0;
    while (recovered < ends.size()
        && ends.get(recovered) <= store.appendedLsn() - JournalRecord.HEADER_BYTES) {
      recovered++;
    }
    ends.subList(recovered, ends.size()).clear();
    model.keepRecords(recovered);
    long known = store.fence(VOLUME);
    assertTrue(known >= model.fence(VOLUME), "a fence was lost");
    if (known > model.fence(VOLUME)) {
      // The catalogue had it although the journal's record was lost: higher is safe.
      model.appendFence(VOLUME, known);
      ends.add(store.recordEndLsn());
    }
    fence = known;
  }

  private void die() {
    long durable = store.durableLsn();
    int durableRecords = 0;
    while (durableRecords < ends.size() && ends.get(durableRecords) <= durable) {
      durableRecords++;
    }
    int appended = ends.size();
    long applied = store.appendedLsn();
    boolean powerLoss = random.nextBoolean();
    loop.clear();
    if (powerLoss) {
      disk.losePower();
    }
    disk.restarted();
    try {
      open();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
    int now = ends.size();
    assertTrue(
        now >= durableRecords,
        () -> "recovered " + now + " of " + durable + " powerLoss " + powerLoss);
    if (!powerLoss) {
      assertEquals(appended, now, "a kill loses nothing; head was " + applied);
    }
    compare();
    loop.clear();
    disk.restarted();
  }

  private void step() {
    switch (random.nextInt(12)) {
      case 0 -> loop.advance(5_000_000L);
      case 1, 2, 3 -> loop.step();
      case 4 -> store.requestSync(store.appendedLsn());
      case 5 -> readSome();
      default -> append();
    }
    if (random.nextInt(100) == 0) {
      disk.full = !disk.full;
    }
    if (resizes && random.nextInt(30) == 0) {
      disk.refusesSegments = random.nextInt(8) == 0;
      int segments = Journal.SEGMENTS_MIN + random.nextInt(7);
      store.resizeJournal((long) segments * SEGMENT_BYTES, disk);
      if (disk.cache != null) {
        store.resizeReadCache(1 + random.nextInt(200));
      }
    }
    if (random.nextInt(400) == 0) {
      disk.callsLeft = random.nextInt(12);
    }
  }

  private void append() {
    int count = 1 + random.nextInt(4);
    if (!store.hasRoom(count * Frame.BLOCK_BYTES)) {
      parked = true;
      return;
    }
    if (fence == 0 || random.nextInt(60) == 0) {
      fence++;
      store.appendFence(VOLUME, fence);
      model.appendFence(VOLUME, fence);
      ends.add(store.recordEndLsn());
      return;
    }
    int index = random.nextInt(CHUNKS);
    ChunkEntry mine = store.find(VOLUME, 0, index);
    ChunkEntry theirs = model.chunk(index);
    if (theirs == null && store.isLeaving(VOLUME, 0, index)) {
      return;
    }
    if (theirs != null && random.nextInt(80) == 0) {
      store.trashChunk(mine);
      model.trashChunk(theirs);
      gone.add(mine);
      ends.add(store.recordEndLsn());
      return;
    }
    if (theirs == null) {
      assertNotNull(store.create(VOLUME, 0, index, CHUNK_BLOCKS));
      model.create(VOLUME, 0, index, CHUNK_BLOCKS);
      ends.add(store.recordEndLsn());
      return;
    }
    assertNotNull(mine);
    int block = random.nextInt(CHUNK_BLOCKS - count);
    if (random.nextInt(3) > 0) {
      block = Math.min(block, 12);
    }
    int kind = random.nextInt(10);
    boolean looks = mine.syncing() || kind >= 3 && kind <= 5;
    if (kind < 2 && random.nextInt(3) == 0) {
      block = random.nextInt(2) * block;
      count = CHUNK_BLOCKS - block - random.nextInt(2);
    }
    if (looks && !store.isLoaded(mine, block, count)) {
      parked = true;
      return;
    }
    change(kind, mine, theirs, block, count);
    ends.add(store.recordEndLsn());
  }

  private void change(int kind, ChunkEntry mine, ChunkEntry theirs, int block, int count) {
    UnsafeBuffer payload = new UnsafeBuffer(new byte[count * Frame.BLOCK_BYTES]);
    UnsafeBuffer sums = new UnsafeBuffer(new byte[4 * count]);
    for (int i = 0; i < count; i++) {
      if (random.nextInt(8) > 0) {
        payload.setMemory(i * Frame.BLOCK_BYTES, Frame.BLOCK_BYTES, (byte) random.nextInt());
        payload.putInt(i * Frame.BLOCK_BYTES + 64, random.nextInt());
      }
      int sum = crc.of(payload, i * Frame.BLOCK_BYTES, Frame.BLOCK_BYTES);
      sums.putInt(4 * i, sum, ByteOrder.LITTLE_ENDIAN);
    }
    long version = Version.of(fence, ++sequence);
    switch (kind) {
      case 0, 1 -> {
        boolean allocate = random.nextBoolean();
        store.appendZero(mine, version, block, count, allocate);
        model.appendZero(theirs, version, block, count, allocate);
      }
      case 2 -> {
        if (mine.syncing()) {
          store.appendSyncEnd(mine);
          model.appendSyncEnd(theirs);
        } else {
          long base = Version.of(fence, Math.max(1, sequence - random.nextInt(5)));
          store.appendSyncBegin(mine, fence, base);
          model.appendSyncBegin(theirs, fence, base);
        }
      }
      case 3, 4 -> {
        UnsafeBuffer versions = new UnsafeBuffer(new byte[8 * count]);
        for (int i = 0; i < count; i++) {
          long fetched = Version.of(Math.max(1, fence - random.nextInt(2)), ++sequence);
          versions.putLong(8 * i, fetched, ByteOrder.LITTLE_ENDIAN);
        }
        store.appendFill(mine, fence, block, count, versions, 0, sums, 0, payload, 0);
        model.appendFill(theirs, fence, block, count, versions, 0, sums, 0, payload, 0);
      }
      case 5 -> {
        unreadable.add(mine.index() + "/" + block);
        store.appendUnreadable(mine, fence, block, version);
        model.appendUnreadable(theirs, fence, block, version);
      }
      default -> {
        store.appendWrite(mine, version, block, count, sums, 0, payload, 0);
        model.appendWrite(theirs, version, block, count, sums, 0, payload, 0);
      }
    }
  }

  /** What is read is whole; whether it is right is compared when nothing is under way. */
  private void readSome() {
    ChunkEntry chunk = store.find(VOLUME, 0, random.nextInt(CHUNKS));
    if (chunk == null) {
      return;
    }
    int count = 1 + random.nextInt(8);
    int block = random.nextInt(CHUNK_BLOCKS - count);
    store.read(
        chunk,
        block,
        count,
        new ShardStore.ReadSink() {
          @Override
          public void onBlocks(int[] crcs, long[] versions, Payload payload) {
            for (int i = 0; i < count; i++) {
              int at = payload.offset() + i * Frame.BLOCK_BYTES;
              assertTrue(crcs[i] == crc.of(payload.buffer(), at, Frame.BLOCK_BYTES));
            }
          }

          @Override
          public void onUnreadable(int bad, String reason) {
            if (!gone.contains(chunk) && !unreadable.contains(chunk.index() + "/" + bad)) {
              throw new AssertionError("block " + bad + " of " + chunk + ": " + reason);
            }
          }
        });
  }

  private void compare() {
    assertEquals(model.fence(VOLUME), store.fence(VOLUME));
    for (int index = 0; index < CHUNKS; index++) {
      MemoryStore.Chunk theirs = model.chunk(index);
      ChunkEntry mine = store.find(VOLUME, 0, index);
      assertEquals(theirs == null, mine == null, "chunk " + index);
      if (theirs != null) {
        assertEquals(Version.text(theirs.lastVersion), Version.text(mine.lastVersion()));
        assertEquals(theirs.syncing, mine.syncing());
        assertEquals(theirs.syncGeneration(), mine.syncGeneration());
        compareBlocks(theirs, mine);
      }
    }
  }

  private void compareBlocks(MemoryStore.Chunk theirs, ChunkEntry mine) {
    boolean[] seen = new boolean[2];
    int from = 0;
    while (from < CHUNK_BLOCKS) {
      boolean sound = model.sound(theirs, from);
      int to = from + 1;
      while (sound && to < CHUNK_BLOCKS && model.sound(theirs, to)) {
        to++;
      }
      seen[0] = false;
      compareBlocks(theirs, mine, from, to - from, sound, seen);
      while (!seen[0]) {
        assertTrue(loop.step(), "a read never ended");
      }
      from = to;
    }
    store.readVersions(
        mine,
        0,
        CHUNK_BLOCKS,
        new ShardStore.VersionsSink() {
          @Override
          public void onVersions(LongArrayList values) {
            seen[1] = true;
            for (int i = 0; i < CHUNK_BLOCKS; i++) {
              assertTrue(theirs.versions[i] == values.getLong(i));
            }
          }

          @Override
          public void onUnreadable(int block, String reason) {
            throw new AssertionError(reason);
          }
        });
    while (!seen[1]) {
      assertTrue(loop.step(), "a read never ended");
    }
  }

  private void compareBlocks(
      MemoryStore.Chunk theirs,
      ChunkEntry mine,
      int from,
      int count,
      boolean sound,
      boolean[] seen) {
    store.read(
        mine,
        from,
        count,
        new ShardStore.ReadSink() {
          @Override
          public void onBlocks(int[] crcs, long[] versions, Payload payload) {
            seen[0] = true;
            byte[] bytes = new byte[Frame.BLOCK_BYTES];
            for (int i = 0; i < count; i++) {
              payload.buffer().getBytes(payload.offset() + i * Frame.BLOCK_BYTES, bytes);
              if (!sound
                  || theirs.versions[from + i] != versions[i]
                  || theirs.crcs[from + i] != crcs[i]
                  || !Arrays.equals(theirs.blocks[from + i], bytes)) {
                throw new AssertionError(
                    "chunk %d block %d is of version %s, not %s"
                        .formatted(
                            mine.index(),
                            from + i,
                            Version.text(versions[i]),
                            Version.text(theirs.versions[from + i])));
              }
            }
          }

          @Override
          public void onUnreadable(int block, String reason) {
            seen[0] = true;
            if (sound) {
              throw new AssertionError("chunk " + mine.index() + " block " + block + ": " + reason);
            }
          }
        });
  }
}
