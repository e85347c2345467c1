package io.cairn.storage.chunk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.device.NativeFile;
import io.cairn.storage.device.OutOfSpaceException;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.concurrent.atomic.AtomicInteger;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileCapacityTierTest {
  private static final ChunkId CHUNK = new ChunkId(5, 0, 7);
  private static final int BLOCK = Frame.BLOCK_BYTES;
  private static final int OPEN_FILES_MAX = 70;
  private static final long CHUNK_BYTES = 64L * BLOCK;

  private final UnsafeBuffer bytes = new UnsafeBuffer(ByteBuffer.allocateDirect(64 * BLOCK));

  @TempDir Path temporary;
  private Path directory;
  private FileCapacityTier tier;

  @BeforeEach
  void open() throws IOException {
    directory = temporary.resolve("capacity");
    Files.createDirectories(directory);
    tier = FileCapacityTier.open(directory, 4 * CHUNK_BYTES, 0);
  }

  @AfterEach
  void close() throws IOException {
    tier.close();
  }

  private void reopen() throws IOException {
    tier.close();
    tier = FileCapacityTier.open(directory, 4 * CHUNK_BYTES, 0);
  }

  private void write(ChunkId chunk, int block, int count, int fill) throws IOException {
    bytes.setMemory(0, count * BLOCK, (byte) fill);
    tier.write(chunk, block, count, bytes, 0);
  }

  private void assertHolds(ChunkId chunk, int block, int count, int fill) throws IOException {
    bytes.setMemory(0, 64 * BLOCK, (byte) 0x77);
    tier.read(chunk, block, count, bytes, BLOCK);
    requireFill(count, fill);
    bytes.setMemory(0, 64 * BLOCK, (byte) 0x77);
    tier.readDevice(chunk, block, count, bytes, BLOCK);
    requireFill(count, fill);
  }

  private void requireFill(int count, int fill) {
    for (int i = 0; i < count * BLOCK; i++) {
      assertEquals((byte) fill, bytes.getByte(BLOCK + i), "byte " + i);
    }
    assertEquals(0x77, bytes.getByte(BLOCK - 1));
    assertEquals(0x77, bytes.getByte((count + 1) * BLOCK));
  }

  private Path file(ChunkId chunk) {
    return directory.resolve("chunks/5/" + chunk.layer() + "-" + chunk.index());
  }

  private long occupied(ChunkId chunk) throws IOException {
    tier.sync(chunk);
    try (NativeFile file = NativeFile.open(file(chunk), NativeFile.Mode.BUFFERED)) {
      return file.occupiedBytes();
    }
  }

  @Test
  void whatIsWrittenIsReadAlsoAfterARestart() throws IOException {
    write(CHUNK, 3, 4, 9);
    tier.sync(CHUNK);
    assertHolds(CHUNK, 3, 4, 9);
    reopen();
    assertHolds(CHUNK, 3, 4, 9);
    assertHolds(CHUNK, 0, 3, 0);
    assertHolds(CHUNK, 7, 20, 0);
  }

  @Test
  void aChunkThatWasNeverWrittenIsAbsentAndNotZeroes() {
    assertThrows(NoSuchFileException.class, () -> tier.read(CHUNK, 0, 1, bytes, 0));
  }

  @Test
  void aHoleGivesItsSpaceBack() throws IOException {
    write(CHUNK, 0, 60, 9);
    long full = occupied(CHUNK);
    assertTrue(full >= 60 * BLOCK, () -> full + " bytes");
    tier.zero(CHUNK, 10, 40, false);
    long punched = occupied(CHUNK);
    assertTrue(punched <= full - 40 * BLOCK, () -> punched + " of " + full + " bytes");
    assertHolds(CHUNK, 10, 40, 0);
    assertHolds(CHUNK, 9, 1, 9);
    assertHolds(CHUNK, 50, 1, 9);
  }

  @Test
  void zeroesThatKeepTheirSpaceDo() throws IOException {
    tier.zero(CHUNK, 0, 60, true);
    assertTrue(occupied(CHUNK) >= 60 * BLOCK);
    assertHolds(CHUNK, 0, 60, 0);
  }

  @Test
  void punchingAChunkWithoutAFileMakesNone() throws IOException {
    tier.zero(CHUNK, 0, 60, false);
    tier.sync(CHUNK);
    assertFalse(Files.exists(file(CHUNK)));
  }

  @Test
  void spaceIsSetAsideForWholeChunks() {
    for (int i = 0; i < 4; i++) {
      assertTrue(tier.reserve(CHUNK_BYTES));
    }
    assertFalse(tier.reserve(CHUNK_BYTES));
    assertFalse(tier.reserve(1));
    assertEquals(4 * CHUNK_BYTES, tier.reservedBytes());
  }

  @Test
  void aChunkInTheTrashKeepsItsSpaceUntilItIsDeleted() throws IOException {
    assertTrue(tier.reserve(CHUNK_BYTES));
    write(CHUNK, 0, 4, 9);
    tier.trash(CHUNK, CHUNK_BYTES);
    assertFalse(Files.exists(file(CHUNK)));
    assertEquals(CHUNK_BYTES, tier.reservedBytes());
    assertEquals(0, tier.emptyTrash(60_000));
    reopen();
    assertEquals(CHUNK_BYTES, tier.reservedBytes(), "counted at the start too");
    assertEquals(1, tier.emptyTrash(0));
    assertEquals(0, tier.reservedBytes());
    assertEquals(0, tier.emptyTrash(0));
  }

  @Test
  void aChunkWithoutAFileGivesItsSpaceBackAtOnce() throws IOException {
    assertTrue(tier.reserve(CHUNK_BYTES));
    tier.trash(CHUNK, CHUNK_BYTES);
    assertEquals(0, tier.reservedBytes());
  }

  @Test
  void aProcessThatDiedBetweenTrashAndCommitCountsTheChunkOnce() throws IOException {
    tier.reserve(CHUNK_BYTES);
    write(CHUNK, 0, 4, 9);
    tier.trash(CHUNK, CHUNK_BYTES);
    reopen();
    // The journal still has the chunk, so the store adopts it, and destages the trash once more.
    tier.adopt(CHUNK_BYTES);
    tier.trash(CHUNK, CHUNK_BYTES);
    assertEquals(CHUNK_BYTES, tier.reservedBytes());
    tier.emptyTrash(0);
    assertEquals(0, tier.reservedBytes());
  }

  @Test
  void aChunkThatComesBackAndGoesAgainTakesTheOlderOnesPlaceInTheTrash() throws IOException {
    for (int turn = 1; turn <= 2; turn++) {
      assertTrue(tier.reserve(CHUNK_BYTES));
      write(CHUNK, 0, 4, turn);
      tier.trash(CHUNK, CHUNK_BYTES);
    }
    assertEquals(CHUNK_BYTES, tier.reservedBytes());
    assertEquals(1, tier.emptyTrash(0));
    assertEquals(0, tier.reservedBytes());
  }

  /** Chunks in the trash, each a minute older than the one before it. */
  private void fillTrash(int count) throws IOException {
    for (int i = 0; i < count; i++) {
      ChunkId chunk = new ChunkId(5, 0, i);
      assertTrue(tier.reserve(CHUNK_BYTES));
      write(chunk, 0, 4, i);
      tier.trash(chunk, CHUNK_BYTES);
      Files.setLastModifiedTime(
          trashed(i), FileTime.fromMillis(System.currentTimeMillis() - 60_000L * i));
    }
  }

  private Path trashed(int index) {
    return directory.resolve("trash/" + new ChunkId(5, 0, index) + "." + CHUNK_BYTES);
  }

  @Test
  void whereThereIsLittleRoomTheOldestInTheTrashGoFirstAndNotMoreThanHaveTo() throws IOException {
    fillTrash(3);
    assertEquals(0, tier.makeRoom(() -> Long.MAX_VALUE));
    assertEquals(2, tier.makeRoom(() -> tier.reservedBytes() > CHUNK_BYTES ? 0 : Long.MAX_VALUE));
    assertTrue(Files.exists(trashed(0)));
    assertFalse(Files.exists(trashed(1)));
    assertEquals(CHUNK_BYTES, tier.reservedBytes());
    reopen();
    assertEquals(CHUNK_BYTES, tier.reservedBytes());
    assertEquals(1, tier.makeRoom(() -> 0));
    assertEquals(0, tier.makeRoom(() -> 0));
    assertEquals(0, tier.reservedBytes());
  }

  @Test
  void itIsToldThatRoomIsDueWhereTheTrashHasSome() throws IOException {
    AtomicInteger told = new AtomicInteger();
    tier.whenTight(told::incrementAndGet);
    for (int i = 0; i < 5; i++) {
      assertEquals(i < 4, tier.reserve(CHUNK_BYTES));
    }
    assertEquals(0, told.get(), "nothing could be given back");
    write(CHUNK, 0, 4, 9);
    tier.trash(CHUNK, CHUNK_BYTES);
    assertEquals(1, told.get());
    assertFalse(tier.reserve(CHUNK_BYTES));
    assertEquals(2, told.get());
    assertEquals(1, tier.makeRoom(() -> tier.capacityBytes() - tier.reservedBytes()));
    assertTrue(tier.reserve(CHUNK_BYTES));
    assertEquals(2, told.get());
  }

  @Test
  void aDeviceWithoutRoomForOneMoreChunkIsTightOnlyAsLongAsTheTrashHasSomething()
      throws IOException {
    fillTrash(1);
    assertFalse(tier.isTight(tier.capacityBytes()), "it is smaller than what else is kept free");
    assertTrue(tier.isTight(tier.capacityBytes() - 1));
    assertEquals(1, tier.emptyTrash(0));
    assertFalse(tier.isTight(0));
  }

  @Test
  void whatIsNoChunkStaysInTheTrash() throws IOException {
    Path other = Files.writeString(directory.resolve("trash/README"), "operator's note");
    reopen();
    assertEquals(0, tier.reservedBytes());
    assertEquals(0, tier.emptyTrash(0));
    assertTrue(Files.exists(other));
  }

  @Test
  void moreChunksThanOpenFilesAllKeepTheirBytes() throws IOException {
    tier.close();
    tier = FileCapacityTier.open(directory, 4 * CHUNK_BYTES, 0, OPEN_FILES_MAX);
    int count = OPEN_FILES_MAX + 40;
    for (int i = 0; i < count; i++) {
      write(new ChunkId(5, 0, i), i % 60, 1, i % 100 + 1);
      if (i % 3 == 0) {
        tier.sync(new ChunkId(5, 0, i));
      }
    }
    for (int i = 0; i < count; i++) {
      tier.sync(new ChunkId(5, 0, i));
      assertHolds(new ChunkId(5, 0, i), i % 60, 1, i % 100 + 1);
    }
    assertTrue(tier.openFiles() <= OPEN_FILES_MAX + 1);
  }

  @Test
  void aRunOverMoreChunksThanItHoldsWritesThemAllAndLeavesThem() throws IOException {
    tier.close();
    tier = FileCapacityTier.open(directory, 4 * CHUNK_BYTES, 0, OPEN_FILES_MAX);
    int count = DirectWriter.HELD_MAX + 40;
    int most = 0;
    Crc32c crc = new Crc32c();
    try (CapacityTier.Writer writer = tier.writer()) {
      for (int i = 0; i < count; i++) {
        bytes.setMemory(0, BLOCK, (byte) (i % 100 + 1));
        int[] crcs = {0, crc.of(bytes, 0, BLOCK) + i % 2};
        assertEquals(i % 2, writer.write(new ChunkId(5, 0, i), i % 60, 1, bytes, 0, crcs, 1));
        most = Math.max(most, tier.openFiles());
      }
      writer.sync();
    }
    assertEquals(DirectWriter.HELD_MAX, most);
    for (int i = 0; i < count; i++) {
      assertHolds(new ChunkId(5, 0, i), i % 60, 1, i % 100 + 1);
    }
  }

  @Test
  void sourcesThatStayAreWrittenWhateverTheirAlignment() throws IOException {
    Crc32c crc = new Crc32c();
    try (CapacityTier.Writer writer = tier.writer()) {
      writer.sourcesStay();
      for (int i = 0; i < 3; i++) {
        int offset = 8 * i * BLOCK + 64 * i;
        bytes.setMemory(offset, 2 * BLOCK, (byte) (i + 1));
        int[] crcs = {crc.of(bytes, offset, BLOCK), crc.of(bytes, offset + BLOCK, BLOCK) + i % 2};
        assertEquals(i % 2, writer.write(CHUNK, 4 * i, 2, bytes, offset, crcs, 0));
      }
      writer.sync();
    }
    for (int i = 0; i < 3; i++) {
      assertHolds(CHUNK, 4 * i, 2, i + 1);
    }
  }

  @Test
  void memoryOnTheHeapIsRefused() {
    UnsafeBuffer heap = new UnsafeBuffer(new byte[BLOCK]);
    assertThrows(IllegalArgumentException.class, () -> tier.write(CHUNK, 0, 1, heap, 0));
  }

  @Test
  void aFullDeviceIsToldAsSuchAndUsableAgainWhenThereIsRoom() throws Exception {
    Path place = Files.createDirectory(temporary.resolve("small"));
    try (SmallDevice device = SmallDevice.mount(place, 16 << 20)) {
      try (FileCapacityTier small = FileCapacityTier.open(device.directory(), 0, 0)) {
        bytes.setMemory(0, 64 * BLOCK, (byte) 5);
        small.write(CHUNK, 0, 8, bytes, 0);
        small.sync(CHUNK);
        device.fill();
        assertThrows(
            OutOfSpaceException.class,
            () -> {
              for (int i = 8; i < 4096; i += 8) {
                small.write(CHUNK, i, 8, bytes, 0);
              }
            });
        assertThrows(
            OutOfSpaceException.class, () -> small.zero(new ChunkId(5, 0, 8), 0, 1 << 12, true));
        assertThrows(
            OutOfSpaceException.class,
            () -> small.write(new ChunkId(6, 0, 8), 0, 64, bytes, 0),
            "a new directory does not fit either");
        device.empty();
        small.write(new ChunkId(6, 0, 8), 0, 64, bytes, 0);
        small.sync(new ChunkId(6, 0, 8));
        bytes.setMemory(0, BLOCK, (byte) 0);
        small.read(CHUNK, 7, 1, bytes, 0);
        assertEquals(5, bytes.getByte(0), "what was there is still there");
      }
    }
  }

  @Test
  void aReserveIsLeftFree() throws Exception {
    Path place = Files.createDirectory(temporary.resolve("small"));
    try (SmallDevice device = SmallDevice.mount(place, 16 << 20)) {
      try (FileCapacityTier small = FileCapacityTier.open(device.directory(), 0, 8 << 20)) {
        long capacity = small.capacityBytes();
        assertTrue(capacity > 0 && capacity <= 8 << 20, () -> capacity + " bytes");
      }
      try (FileCapacityTier small = FileCapacityTier.open(device.directory(), 0, 64 << 20)) {
        assertEquals(0, small.capacityBytes());
        assertFalse(small.reserve(CHUNK_BYTES));
      }
    }
  }
}
