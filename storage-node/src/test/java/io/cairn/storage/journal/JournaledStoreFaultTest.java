package io.cairn.storage.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.model.CacheMode;
import io.cairn.metadata.model.VolumeTier;
import io.cairn.storage.cache.CacheDevice;
import io.cairn.storage.cache.VolumeShare;
import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.env.Payload;
import io.cairn.storage.replication.ChunkEntry;
import io.cairn.storage.replication.HeapPayload;
import io.cairn.storage.replication.ShardStore;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Version;
import java.io.IOException;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.agrona.collections.LongArrayList;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** One fault each: what the store does about it, and what is left of what it held. */
class JournaledStoreFaultTest {
  private static final int SEGMENT_BYTES = 96 << 10;
  private static final long VOLUME = 5;
  private static final long CHUNK_BYTES =
      (long) JournaledStoreModelTest.CHUNK_BLOCKS * Frame.BLOCK_BYTES;

  private final Crc32c crc = new Crc32c();
  private final Random random = new Random(1);
  private final TestLoop loop = new TestLoop(random);
  private final TestDisk disk = new TestDisk(loop, random, SEGMENT_BYTES, 5);
  private CacheDevice cache;
  private JournaledStore store;
  private ChunkEntry chunk;
  private long life;
  private long sequence;
  private int rooms;
  private String failure;
  private final List<Long> trashed = new ArrayList<>();

  @BeforeEach
  void openWithOneChunk() throws IOException {
    open();
    store.appendFence(VOLUME, 1);
    chunk = store.create(VOLUME, 0, 0, JournaledStoreModelTest.CHUNK_BLOCKS);
    loop.settle();
  }

  private JournaledStore recover(int pagesMax) throws IOException {
    return JournaledStore.open(
        new JournalIdentity(1, 2, 3),
        List.copyOf(disk.regions),
        ++life,
        disk,
        disk,
        loop,
        length -> HeapPayload.of(new byte[length]),
        new StoreSettings(10_000_000L, 64 << 10, 50, 25, 3, pagesMax, 1_000_000_000L, 50, 128),
        cache);
  }

  private void open() throws IOException {
    store = recover(100);
    store.start(new Heard());
    chunk = store.find(VOLUME, 0, 0);
  }

  private final class Heard implements ShardStore.Listener {
    @Override
    public void onDurable(long durableLsn) {}

    @Override
    public void onRoom() {
      rooms++;
    }

    @Override
    public void onTrashed(long volumeId) {
      trashed.add(volumeId);
    }

    @Override
    public void onFailed(String reason) {
      assertNull(failure, "told twice");
      failure = reason;
    }
  }

  private void restart() throws IOException {
    loop.clear();
    disk.restarted();
    open();
  }

  private static byte fillOf(long sequence) {
    return (byte) (sequence % 100 + 1);
  }

  @Test
  void aWriteThatIsNotWhatItsChecksumsSayIsNotAppended() throws IOException {
    write(3);
    UnsafeBuffer payload = new UnsafeBuffer(new byte[2 * Frame.BLOCK_BYTES]);
    UnsafeBuffer sums = new UnsafeBuffer(new byte[8]);
    sums.putInt(0, Crc32c.ZERO_BLOCK, ByteOrder.LITTLE_ENDIAN);
    sums.putInt(4, Crc32c.ZERO_BLOCK + 1, ByteOrder.LITTLE_ENDIAN);
    long end = store.appendedLsn();
    assertFalse(store.appendWrite(chunk, Version.of(1, 2), 3, 2, sums, 0, payload, 0));
    assertEquals(end, store.appendedLsn());
    assertEquals(fillOf(1), read(3));
    restart();
    assertEquals(fillOf(1), read(3));
    write(4);
    assertEquals(fillOf(2), read(4));
  }

  private void write(int block) {
    UnsafeBuffer payload = new UnsafeBuffer(new byte[Frame.BLOCK_BYTES]);
    payload.setMemory(0, Frame.BLOCK_BYTES, fillOf(++sequence));
    UnsafeBuffer sums = new UnsafeBuffer(new byte[4]);
    sums.putInt(0, crc.of(payload, 0, Frame.BLOCK_BYTES), ByteOrder.LITTLE_ENDIAN);
    store.appendWrite(chunk, Version.of(1, sequence), block, 1, sums, 0, payload, 0);
  }

  /** Writes until a writer has to wait; nothing is destaged as nothing runs meanwhile. */
  private void fill() {
    while (store.hasRoom(Frame.BLOCK_BYTES)) {
      write((int) (sequence % JournaledStoreModelTest.CHUNK_BLOCKS));
    }
  }

  /** Writes more than the journal holds, so that the first blocks are in the capacity tier. */
  private void fillTwice() {
    for (int i = 0; i < 250; i++) {
      if (!store.hasRoom(Frame.BLOCK_BYTES)) {
        loop.settle();
      }
      write(i % JournaledStoreModelTest.CHUNK_BLOCKS);
    }
    loop.settle();
    assertTrue(store.counters().destageRuns() > 0);
  }

  /** The byte that all of a block consists of, or the negative number of the unreadable block. */
  private int read(int block) {
    int[] found = {Integer.MAX_VALUE};
    store.read(
        chunk,
        block,
        1,
        new ShardStore.ReadSink() {
          @Override
          public void onBlocks(int[] crcs, long[] versions, Payload payload) {
            byte[] bytes = new byte[Frame.BLOCK_BYTES];
            payload.buffer().getBytes(payload.offset(), bytes);
            byte[] expected = new byte[Frame.BLOCK_BYTES];
            Arrays.fill(expected, bytes[0]);
            assertTrue(Arrays.equals(expected, bytes), "a mixture was served");
            found[0] = bytes[0];
          }

          @Override
          public void onUnreadable(int bad, String reason) {
            found[0] = -1 - bad;
          }
        });
    for (int i = 0; i < 10_000 && found[0] == Integer.MAX_VALUE; i++) {
      if (!loop.step()) {
        loop.advance(1_000_000L);
      }
    }
    return found[0];
  }

  @Test
  void rotInTheJournalIsNeverServed() {
    write(3);
    write(4);
    int place = (int) (store.appendedLsn() - Frame.BLOCK_BYTES) % SEGMENT_BYTES;
    disk.regions.get(1).buffer().putByte(place + 1234, (byte) 99);
    assertEquals(fillOf(1), read(3));
    assertEquals(-1 - 4, read(4));
    assertEquals(1, store.counters().unreadableBlocks());
    write(4);
    assertEquals(fillOf(3), read(4), "a new write mends it");
  }

  @Test
  void rotInTheCapacityTierIsNeverServed() {
    fillTwice();
    ChunkId id = new ChunkId(VOLUME, 0, 0);
    assertEquals(fillOf(1), read(0));
    disk.rot(id, 0);
    assertEquals(-1, read(0));
    assertEquals(fillOf(2), read(1));
  }

  @Test
  void readerThatGoesOnHasTheTierReadAheadOfItAndOneThatJumpsHasNot() throws IOException {
    fillTwice();
    restart();
    int[] found = new int[JournaledStoreModelTest.CHUNK_BLOCKS];
    for (int i = 0; i < found.length; i++) {
      int block = i * 7 % found.length;
      found[block] = read(block);
    }
    assertEquals(0, disk.aheadBlocks);
    for (int block = 0; block < found.length; block++) {
      assertEquals(found[block], read(block));
    }
    loop.settle();
    assertTrue(disk.aheadBlocks > 0);
    assertEquals(disk.aheadBlocks, store.counters().aheadBlocks());
  }

  /** Blocks that are said to be good, or the negative number of the first that is not. */
  private int verify(int block, int count, boolean data, int times) {
    List<Integer> found = new ArrayList<>();
    for (int i = 0; i < times; i++) {
      store.verify(
          chunk,
          block,
          count,
          data,
          new ShardStore.ReadSink() {
            @Override
            public void onBlocks(int[] crcs, long[] versions, Payload payload) {
              assertNull(payload);
              assertTrue(versions[count - 1] > 0);
              found.add(count);
            }

            @Override
            public void onUnreadable(int bad, String reason) {
              found.add(-1 - bad);
            }
          });
    }
    loop.settle();
    assertEquals(times, found.size());
    assertEquals(1, Set.copyOf(found).size());
    return found.getFirst();
  }

  @Test
  void aVerificationFindsRotInEitherTierAndSaysWhatIsKnownWithoutLooking() {
    fillTwice();
    write(3);
    assertEquals(16, verify(0, 16, true, 3));
    disk.rot(new ChunkId(VOLUME, 0, 0), 5);
    assertEquals(-1 - 5, verify(0, 16, true, 2));
    assertEquals(5, verify(0, 5, true, 1));
    assertEquals(16, verify(0, 16, false, 2));
    int place = (int) (store.appendedLsn() - Frame.BLOCK_BYTES) % SEGMENT_BYTES;
    int segment = (int) (store.appendedLsn() - Frame.BLOCK_BYTES) / SEGMENT_BYTES;
    var bytes = disk.regions.get(segment % disk.regions.size()).buffer();
    bytes.putByte(place + 1234, (byte) 99);
    assertEquals(-1 - 3, verify(0, 16, true, 1));
  }

  @Test
  void aBlockThatRotsInTheJournalMovesOnAsUnreadable() throws IOException {
    write(3);
    int place = (int) (store.appendedLsn() - Frame.BLOCK_BYTES) % SEGMENT_BYTES;
    disk.regions.get(1).buffer().putByte(place + 1234, (byte) 99);
    for (int i = 0; i < 200; i++) {
      if (!store.hasRoom(Frame.BLOCK_BYTES)) {
        loop.settle();
      }
      write(10 + i);
    }
    loop.settle();
    assertNull(failure);
    assertEquals(1, store.counters().rottenBlocks());
    assertEquals(-1 - 3, read(3));
    assertEquals(fillOf(2), read(10));
    restart();
    assertEquals(-1 - 3, read(3));
    assertEquals(fillOf(2), read(10));
  }

  @Test
  void aRecordThatRotsInTheJournalStopsTheShardAndIsNamed() throws IOException {
    write(3);
    long rotten = store.appendedLsn();
    write(319);
    loop.settle();
    disk.regions.get(1).buffer().putByte((int) rotten % SEGMENT_BYTES + 48, (byte) 99);
    fill();
    loop.settle();
    assertTrue(failure.contains("journal record at " + rotten + " (segment 1, byte "), failure);
    assertTrue(failure.contains("header checksum"), failure);
    assertEquals(fillOf(2), read(319), "what is in memory stays readable");
    restart();
    assertEquals(Version.of(1, 1), chunk.lastVersion(), "a prefix");
    assertTrue(store.isJournalDamaged(), store.recoveryText());
    assertEquals(fillOf(1), read(3));
  }

  @Test
  void aFenceOutlivesRotInTheJournal() throws IOException {
    store.appendFence(VOLUME, 7);
    long end = store.appendedLsn();
    loop.settle();
    int place = (int) (end - JournalRecord.HEADER_BYTES) % SEGMENT_BYTES;
    disk.regions.get(1).buffer().setMemory(place, JournalRecord.HEADER_BYTES, (byte) 0);
    loop.clear();
    disk.restarted();
    open();
    assertEquals(7, store.fence(VOLUME));
  }

  @Test
  void destagingNeverLowersAFence() throws IOException {
    store.appendFence(VOLUME, 7);
    loop.settle();
    disk.raiseFence(VOLUME, 9);
    fillTwice();
    restart();
    assertEquals(9, store.fence(VOLUME));
  }

  @Test
  void aFullCapacityDeviceMakesWritersWaitAndLosesNothing() throws IOException {
    disk.full = true;
    fill();
    for (int i = 0; i < 20; i++) {
      loop.advance(500_000_000L);
      while (loop.step()) {}
    }
    assertNull(failure);
    assertTrue(store.counters().destageStalls() > 2);
    // Nobody is slowed down for a tier that takes nothing: the journal takes what it can.
    fill();
    assertTrue(store.journalUsedBytes() > store.journalSizeBytes() / 2);
    assertFalse(store.hasRoom(Frame.BLOCK_BYTES));
    assertTrue(store.isFull());
    assertTrue(rooms > 0, "those who wait are told");
    long last = sequence;
    restart();
    assertEquals(Version.of(1, last), chunk.lastVersion());
    assertFalse(store.hasRoom(Frame.BLOCK_BYTES));
    assertEquals(fillOf(1), read(0));
    int before = rooms;
    disk.full = false;
    loop.advance(2_000_000_000L);
    loop.settle();
    assertTrue(rooms > before, "those who waited are told");
    assertTrue(store.hasRoom(Frame.BLOCK_BYTES));
    assertFalse(store.isFull());
    write(0);
    assertEquals(fillOf(last + 1), read(0));
    assertEquals(fillOf(2), read(1));
  }

  @Test
  void aBlockThatIsWrittenAgainBeforeItIsDestagedIsMovedOnce() throws IOException {
    for (int i = 0; i < 250; i++) {
      if (!store.hasRoom(Frame.BLOCK_BYTES)) {
        loop.settle();
      }
      write(i % 8);
    }
    loop.settle();
    long moved = store.counters().destagedBlocks();
    assertTrue(moved < 50, "moved " + moved);
    // The eight blocks that the last segment holds are in the journal still.
    assertTrue(moved + store.counters().mergedBlocks() > 200, "only " + moved);
    loop.clear();
    disk.losePower();
    disk.restarted();
    open();
    for (int block = 0; block < 8; block++) {
      assertEquals(fillOf(sequence - (sequence - 1 - block) % 8), read(block));
    }
  }

  @Test
  void aJournalThatRestsIsDestagedWhateverTheWatermarksSay() {
    for (int i = 0; i < 30; i++) {
      write(i);
    }
    assertTrue(store.journalUsedBytes() > SEGMENT_BYTES);
    assertTrue(store.journalUsedBytes() < store.journalSizeBytes() / 2);
    loop.settle();
    assertTrue(store.journalUsedBytes() < SEGMENT_BYTES, "whole segments are left");
  }

  @Test
  void aJournalThatIsToBeFlushedIsDestagedToItsLastRecord() throws IOException {
    for (int i = 0; i < 5; i++) {
      write(i);
    }
    assertEquals(-1, store.flushLeftBytes());
    store.keepFlushed(true);
    assertTrue(store.flushLeftBytes() > 0);
    loop.settle();
    assertEquals(0, store.flushLeftBytes());
    assertEquals(5, store.counters().destagedBlocks());
    write(7);
    loop.settle();
    assertEquals(6, store.counters().destagedBlocks(), "what comes later is destaged at once");
    restart();
    assertEquals(fillOf(6), read(7));
    assertEquals(-1, store.flushLeftBytes(), "whoever wants it says so again");
  }

  @Test
  void aFlushThatIsEndedLeavesTheRestToTheWatermarks() {
    store.keepFlushed(true);
    loop.settle();
    store.keepFlushed(false);
    write(1);
    loop.settle();
    assertEquals(0, store.counters().destagedBlocks());
  }

  private void become(CacheMode mode) {
    store.volumeTiers(Map.of(VOLUME, new VolumeTier(mode, false)));
  }

  @Test
  void aWriteThroughVolumeIsDestagedAtOnceAndAnotherModeTakesEffectWhileItIsWritten() {
    write(1);
    loop.settle();
    assertEquals(0, store.counters().destagedBlocks());
    become(CacheMode.WRITE_THROUGH);
    loop.settle();
    assertEquals(1, store.counters().destagedBlocks(), "what the journal held before");
    write(2);
    write(3);
    loop.settle();
    assertEquals(3, store.counters().destagedBlocks());
    become(CacheMode.WRITE_BACK);
    write(4);
    loop.settle();
    assertEquals(3, store.counters().destagedBlocks());
    become(CacheMode.WRITE_AROUND);
    loop.settle();
    assertEquals(4, store.counters().destagedBlocks());
    store.volumeTiers(Map.of());
    write(5);
    loop.settle();
    assertEquals(4, store.counters().destagedBlocks(), "one that is not named is as usual");
  }

  private void readOften(int block) {
    for (int i = 0; i < 4; i++) {
      assertTrue(read(block) >= 0);
      loop.settle();
    }
  }

  @Test
  void aWriteAroundVolumeIsNotInTheReadCacheAndWhatOthersReadIsCountedByVolume()
      throws IOException {
    cache = disk.new MemoryCache(50);
    restart();
    become(CacheMode.WRITE_BACK);
    fillTwice();
    readOften(1);
    VolumeShare share = store.shares().of(VOLUME);
    assertEquals(1, share.cachedBlocks());
    assertEquals(2, share.missedBlocks(), "taken in at the second read");
    assertEquals(2, share.hitBlocks());
    become(CacheMode.WRITE_AROUND);
    readOften(1);
    readOften(2);
    assertEquals(4, share.hitBlocks() + share.missedBlocks(), "nobody looked");
    assertEquals(1, store.readCache().filledBlocks());
    become(CacheMode.WRITE_BACK);
    readOften(1);
    assertEquals(6, share.hitBlocks());
    store.volumeTiers(Map.of(VOLUME, new VolumeTier(CacheMode.WRITE_BACK, true)));
    readOften(3);
    assertEquals(9, share.hitBlocks(), "a pinned one is taken in at the first read");
  }

  @Test
  void writesThatFollowEachOtherAreDestagedTogether() {
    become(CacheMode.WRITE_THROUGH);
    loop.settle();
    long runs = store.counters().destageRuns();
    for (int i = 0; i < 12; i++) {
      write(i % 4);
    }
    loop.settle();
    assertEquals(runs + 1, store.counters().destageRuns());
    assertEquals(4, store.counters().destagedBlocks(), "merged");
  }

  @Test
  void aWriteThroughVolumeOnATierWithoutRoomWaitsInTheJournal() throws IOException {
    become(CacheMode.WRITE_THROUGH);
    loop.settle();
    disk.full = true;
    write(1);
    for (int i = 0; i < 20; i++) {
      loop.advance(200_000_000L);
      while (loop.step()) {}
    }
    assertNull(failure);
    assertEquals(fillOf(1), read(1));
    disk.full = false;
    loop.settle();
    assertEquals(1, store.counters().destagedBlocks());
    restart();
    assertEquals(fillOf(1), read(1));
  }

  @Test
  void aStoreThatIsToBeFlushedIsSoBeforeItStops() {
    store.keepFlushed(true);
    for (int i = 0; i < 5; i++) {
      write(i);
    }
    boolean[] stopped = new boolean[1];
    store.stop(() -> stopped[0] = true);
    loop.settle();
    assertTrue(stopped[0]);
    assertEquals(5, store.counters().destagedBlocks());
  }

  @Test
  void aStoreThatCannotBeFlushedStopsAllTheSame() {
    disk.full = true;
    store.keepFlushed(true);
    write(1);
    boolean[] stopped = new boolean[1];
    store.stop(() -> stopped[0] = true);
    for (int i = 0; i < 5; i++) {
      loop.advance(500_000_000L);
      while (loop.step()) {}
    }
    assertTrue(stopped[0]);
  }

  @Test
  void aTierWithoutSpaceForAnotherChunkRefusesItBeforeAnythingIsDone() {
    disk.capacityBytes = disk.reservedBytes() + CHUNK_BYTES;
    assertNotNull(store.create(VOLUME, 0, 1, JournaledStoreModelTest.CHUNK_BLOCKS));
    long end = store.appendedLsn();
    assertNull(store.create(VOLUME, 0, 2, JournaledStoreModelTest.CHUNK_BLOCKS));
    assertEquals(end, store.appendedLsn());
    assertNull(store.find(VOLUME, 0, 2));
  }

  @Test
  void aFailedSyncOfTheJournalIsTheEnd() {
    write(3);
    disk.forceFailure = new IOException("EIO");
    store.requestSync(store.appendedLsn());
    loop.settle();
    assertTrue(failure.contains("EIO"), failure);
    long durable = store.durableLsn();
    disk.forceFailure = null;
    write(4);
    store.requestSync(store.appendedLsn());
    loop.settle();
    assertEquals(durable, store.durableLsn(), "it is never tried again");
    assertStops();
  }

  @Test
  void aFailedSyncOfTheCapacityTierIsTheEnd() {
    disk.syncFailure = new IOException("EIO");
    fill();
    loop.settle();
    assertTrue(failure.contains("EIO"), failure);
    assertStops();
  }

  @Test
  void aFailureBeforeTheStartIsToldAtTheStart() throws IOException {
    loop.clear();
    store = recover(100);
    disk.forceFailure = new IOException("EIO");
    store.requestSync(store.appendedLsn());
    loop.settle();
    assertNull(failure);
    store.start(new Heard());
    assertTrue(failure.contains("EIO"), failure);
  }

  @Test
  void aStoreThatWasNeverStartedStops() throws IOException {
    loop.clear();
    store = recover(100);
    assertStops();
  }

  private void assertStops() {
    boolean[] stopped = new boolean[1];
    store.stop(() -> stopped[0] = true);
    loop.settle();
    assertTrue(stopped[0]);
  }

  @Test
  void stoppingWaitsForWhatOtherThreadsDo() {
    fillTwice();
    fill();
    int[] answers = new int[1];
    store.read(
        chunk,
        0,
        1,
        new ShardStore.ReadSink() {
          @Override
          public void onBlocks(int[] crcs, long[] versions, Payload payload) {
            answers[0]++;
          }

          @Override
          public void onUnreadable(int block, String reason) {
            answers[0]++;
          }
        });
    long syncs = store.counters().syncs();
    disk.onClose = () -> assertFalse(loop.isBusy(), "something still works on the files");
    assertStops();
    assertTrue(store.counters().syncs() >= syncs);
    assertTrue(disk.onClose != null);
  }

  @Test
  void aDamagedPageOfTheCatalogueStopsTheShardWithItsName() throws IOException {
    fillTwice();
    for (int i = 0; i < 200; i++) {
      if (!store.hasRoom(Frame.BLOCK_BYTES)) {
        loop.settle();
      }
      write(256 + i % 64);
    }
    loop.settle();
    restart();
    // The journal is about page 1 only: page 0 must be fetched.
    disk.damagePage(new ChunkId(VOLUME, 0, 0), 0);
    read(0);
    assertTrue(failure.contains("page 0 of chunk 5-0-0"), failure);
  }

  @Test
  void readsAloneDoNotFillTheMemoryWithPages() throws IOException {
    for (int i = 1; i < 12; i++) {
      ChunkEntry made = store.create(VOLUME, 0, i, JournaledStoreModelTest.CHUNK_BLOCKS);
      assertNotNull(made);
      chunk = made;
      write(0);
    }
    loop.settle();
    chunk = store.find(VOLUME, 0, 0);
    fillTwice();
    fillTwice();
    loop.clear();
    disk.restarted();
    store = recover(2);
    store.start(new Heard());
    for (int round = 0; round < 5; round++) {
      for (int i = 1; i < 12; i++) {
        chunk = store.find(VOLUME, 0, i);
        assertEquals(fillOf(i), read(0));
      }
    }
    assertTrue(store.loadedPages() < 8, () -> store.loadedPages() + " pages");
  }

  @Test
  void aDeletedVolumesSpaceComesBackWithoutMoreWrites() {
    write(3);
    loop.settle();
    assertEquals(CHUNK_BYTES, disk.reservedBytes());
    store.trashVolume(VOLUME);
    assertEquals(List.of(VOLUME), trashed);
    assertNull(store.find(VOLUME, 0, 0));
    assertEquals(Version.GENERATION_MAX, store.fence(VOLUME));
    loop.settle();
    assertEquals(0, disk.reservedBytes());
    assertEquals(0, disk.chunks().size());
  }

  @Test
  void aDeletedVolumesSpaceComesBackAfterARestart() throws IOException {
    write(3);
    store.trashVolume(VOLUME);
    restart();
    assertNull(chunk);
    assertEquals(CHUNK_BYTES, disk.reservedBytes(), "its file may still be there");
    loop.settle();
    assertEquals(0, disk.reservedBytes());
    restart();
    assertNull(chunk);
    assertEquals(Version.GENERATION_MAX, store.fence(VOLUME), "its id stays dead");
  }

  @Test
  void manyVolumesThatAreDeletedAtOnceTakeOneSegment() {
    for (int v = 10; v < 20; v++) {
      store.appendFence(v, 1);
      store.create(v, 0, 0, 16);
    }
    loop.settle();
    long before = store.appendedLsn() / SEGMENT_BYTES;
    for (int v = 10; v < 20; v++) {
      store.trashVolume(v);
    }
    loop.settle();
    assertEquals(before + 1, store.appendedLsn() / SEGMENT_BYTES);
    assertEquals(1, store.chunkCount());
  }

  @Test
  void nothingIsAppendedToAChunkInTheTrash() {
    ChunkEntry gone = chunk;
    store.trashVolume(VOLUME);
    long end = store.appendedLsn();
    assertThrows(IllegalStateException.class, () -> write(1));
    assertThrows(IllegalStateException.class, () -> store.appendSyncEnd(gone));
    assertThrows(IllegalStateException.class, () -> store.appendSyncBegin(gone, 1, 0));
    assertThrows(
        IllegalStateException.class, () -> store.appendZero(gone, Version.of(1, 9), 0, 1, false));
    assertEquals(end, store.appendedLsn(), "such a record would stop the next recovery");
  }

  @Test
  void aTrashInAFullJournalWaitsForRoom() {
    disk.full = true;
    fill();
    while (store.hasRoom(0)) {
      store.appendZero(chunk, Version.of(1, ++sequence), 0, 1, false);
    }
    store.trashVolume(VOLUME);
    assertEquals(List.of(), trashed);
    disk.full = false;
    loop.advance(2_000_000_000L);
    loop.settle();
    assertEquals(List.of(VOLUME), trashed);
    assertEquals(0, disk.reservedBytes());
  }

  @Test
  void zeroesOfAWholeLargeChunkAreOneRecord() throws IOException {
    int sizeBlocks = 1 << 17;
    ChunkEntry large = store.create(VOLUME, 0, 9, sizeBlocks);
    assertTrue(store.isLoaded(large, 0, sizeBlocks));
    store.appendZero(large, Version.of(1, 1), 0, sizeBlocks, true);
    restart();
    List<Long> extents = extents(store.find(VOLUME, 0, 9), sizeBlocks);
    assertEquals(List.of(0L, (long) sizeBlocks, 1L), extents);
  }

  private List<Long> extents(ChunkEntry of, int count) {
    List<Long> extents = new ArrayList<>();
    store.readExtents(
        of,
        0,
        count,
        new ShardStore.VersionsSink() {
          @Override
          public void onVersions(LongArrayList values) {
            extents.addAll(values);
          }

          @Override
          public void onUnreadable(int block, String reason) {}
        });
    loop.settle();
    return extents;
  }

  @Test
  void whatNobodyCouldGiveStaysUnreadableThroughDestagingAndRecoveryAndIsNoHole()
      throws IOException {
    write(2);
    store.appendSyncBegin(chunk, 1, Version.of(1, sequence));
    store.appendUnreadable(chunk, 1, 2, Version.of(1, sequence));
    assertEquals(fillOf(1), read(2), "what is here already stays");
    store.appendUnreadable(chunk, 1, 3, Version.of(1, sequence));
    store.appendSyncEnd(chunk);
    for (int life = 0; life < 3; life++) {
      assertEquals(fillOf(1), read(2));
      assertEquals(-1 - 3, read(3));
      assertEquals(0, read(4));
      assertEquals(-1 - 3, verify(2, 3, true, 1));
      assertEquals(List.of(0L, 2L, 0L, 2L, 2L, 2L, 4L, 4L, 0L), extents(chunk, 8));
      // It is recovered from the journal first, and then from the catalogue.
      store.keepFlushed(life > 0);
      loop.settle();
      restart();
    }
    assertEquals(0, read(4), "its page is loaded");
    write(3);
    assertEquals(fillOf(2), read(3), "a new write mends it");
  }

  @Test
  void anIdleStoreArmsNoTimer() {
    write(1);
    loop.settle();
    assertFalse(loop.isBusy());
    assertEquals(0, loop.timerCount());
  }
}
