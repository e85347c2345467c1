package io.cairn.storage.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.chunk.SmallDevice;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectBatchTest {
  private static final int BLOCK = 4096;

  @TempDir Path temporary;

  private static NativeFile direct(Path path) throws IOException {
    try (NativeFile made = NativeFile.open(path, NativeFile.Mode.CREATE)) {
      assertNotNull(made);
    }
    NativeFile file = NativeFile.open(path, NativeFile.Mode.DIRECT);
    assertNotNull(file, "the file system takes no direct writes");
    return file;
  }

  private static UnsafeBuffer block(int value) {
    byte[] bytes = new byte[BLOCK];
    Arrays.fill(bytes, (byte) value);
    return new UnsafeBuffer(bytes);
  }

  @Test
  void whatWasAddedIsInTheFile() throws IOException {
    Path path = temporary.resolve("file");
    byte[] expected = new byte[256 * BLOCK];
    Random random = new Random(7);
    try (NativeFile file = direct(path);
        DirectBatch batch = new DirectBatch(16, 64 * BLOCK)) {
      assertTrue(batch.isAsynchronous());
      file.resize(expected.length);
      for (int i = 0; i < 1000; i++) {
        int at = random.nextInt(256);
        UnsafeBuffer bytes = block(i);
        if (batch.add(file, (long) at * BLOCK, bytes, 0, BLOCK) < 0) {
          batch.run();
          assertTrue(batch.isEmpty());
          assertEquals(0, batch.add(file, (long) at * BLOCK, bytes, 0, BLOCK));
        }
        // The order of two writes to one place within a batch is the device's: keep them apart.
        batch.run();
        Arrays.fill(expected, at * BLOCK, (at + 1) * BLOCK, (byte) i);
      }
    }
    assertArrayEquals(expected, Files.readAllBytes(path));
  }

  @Test
  void manyGoInOneBatchAndNeighboursBecomeOne() throws IOException {
    Path path = temporary.resolve("file");
    try (NativeFile file = direct(path);
        DirectBatch batch = new DirectBatch(4, 64 * BLOCK)) {
      file.resize(64 * BLOCK);
      for (int i = 0; i < 40; i++) {
        assertEquals(i * BLOCK, batch.add(file, (long) i * BLOCK, block(i), 0, BLOCK));
      }
      assertTrue(batch.add(file, 50 * BLOCK, block(50), 0, BLOCK) >= 0);
      assertTrue(batch.add(file, 52 * BLOCK, block(52), 0, BLOCK) >= 0);
      assertTrue(batch.add(file, 54 * BLOCK, block(54), 0, BLOCK) >= 0);
      assertEquals(-1, batch.add(file, 56 * BLOCK, block(56), 0, BLOCK));
      batch.run();
    }
    byte[] bytes = Files.readAllBytes(path);
    for (int i : new int[] {0, 1, 39, 50, 52, 54}) {
      assertEquals((byte) i, bytes[i * BLOCK]);
      assertEquals((byte) i, bytes[(i + 1) * BLOCK - 1]);
    }
    assertEquals(0, bytes[56 * BLOCK]);
  }

  @Test
  void whatStaysIsWrittenFromWhereItLiesBesideCopies() throws IOException {
    Path path = temporary.resolve("file");
    byte[] expected = new byte[64 * BLOCK];
    new Random(3).nextBytes(expected);
    try (NativeFile file = direct(path);
        Arena arena = Arena.ofConfined();
        DirectBatch batch = new DirectBatch(16, 16 * BLOCK)) {
      file.resize(expected.length);
      MemorySegment memory = arena.allocate(expected.length, BLOCK);
      memory.copyFrom(MemorySegment.ofArray(expected));
      UnsafeBuffer copied = new UnsafeBuffer(expected);
      int at = 0;
      while (at < 64) {
        boolean inPlace = at % 8 < 5;
        int blocks = at % 8 == 0 ? 3 : 1;
        int from = at * BLOCK;
        int length = blocks * BLOCK;
        if (inPlace
            ? !batch.addInPlace(file, from, memory.address() + from, length)
            : batch.add(file, from, copied, from, length) < 0) {
          batch.run();
        } else {
          at += blocks;
        }
      }
      batch.run();
    }
    assertArrayEquals(expected, Files.readAllBytes(path));
  }

  @Test
  void aBatchTakesNoMoreInPlaceThanCopies() throws IOException {
    try (NativeFile file = direct(temporary.resolve("file"));
        Arena arena = Arena.ofConfined();
        DirectBatch batch = new DirectBatch(16, 4 * BLOCK)) {
      long address = arena.allocate(8 * BLOCK, BLOCK).address();
      assertTrue(batch.addInPlace(file, 0, address, 3 * BLOCK));
      assertFalse(batch.addInPlace(file, 3 * BLOCK, address + 3 * BLOCK, 2 * BLOCK));
      assertEquals(-1, batch.add(file, 3 * BLOCK, new UnsafeBuffer(address, 2 * BLOCK), 0, 8192));
      assertEquals(0, batch.add(file, 3 * BLOCK, new UnsafeBuffer(address, BLOCK), 0, BLOCK));
      batch.run();
      assertTrue(batch.addInPlace(file, 0, address, 4 * BLOCK));
    }
  }

  @Test
  void whatWasClearedIsNotWritten() throws IOException {
    Path path = temporary.resolve("file");
    try (NativeFile file = direct(path);
        DirectBatch batch = new DirectBatch(4, 64 * BLOCK)) {
      batch.add(file, 0, block(1), 0, BLOCK);
      batch.clear();
      batch.run();
      assertEquals(0, file.sizeBytes());
    }
  }

  @Test
  void aFullDeviceIsSaidToBeFullAndTheBatchIsEmpty() throws Exception {
    try (SmallDevice small = SmallDevice.mount(temporary, 16 << 20);
        NativeFile file = direct(small.directory().resolve("file"));
        DirectBatch batch = new DirectBatch(16, 1024 * BLOCK)) {
      file.resize(64L << 20);
      assertThrows(
          OutOfSpaceException.class,
          () -> {
            for (int i = 0; i < 16 * 1024; i++) {
              if (batch.add(file, (long) i * BLOCK, block(i), 0, BLOCK) < 0) {
                batch.run();
              }
            }
            batch.run();
          });
      assertTrue(batch.isEmpty());
    }
  }

  @Test
  void aFileThatCannotBeWrittenIsNamed() throws IOException {
    Path path = temporary.resolve("file");
    try (DirectBatch batch = new DirectBatch(4, 64 * BLOCK)) {
      NativeFile file = direct(path);
      file.close();
      batch.add(file, 0, block(1), 0, BLOCK);
      IOException failure = assertThrows(IOException.class, batch::run);
      assertTrue(failure.getMessage().contains(path.toString()), failure.getMessage());
    }
  }

  @Test
  void aReadOfWhatIsInThePageCacheNeedsNoWaiting() throws IOException {
    Path path = temporary.resolve("file");
    byte[] bytes = new byte[2 * BLOCK];
    new Random(3).nextBytes(bytes);
    Files.write(path, bytes);
    try (NativeFile file = NativeFile.open(path, NativeFile.Mode.BUFFERED);
        Arena arena = Arena.ofConfined()) {
      var target = arena.allocate(BLOCK);
      assertTrue(file.readCached(target.address(), BLOCK, BLOCK));
      assertEquals(bytes[BLOCK], target.get(java.lang.foreign.ValueLayout.JAVA_BYTE, 0));
      // Behind the end there is nothing to be had.
      assertFalse(file.readCached(target.address(), BLOCK, 2 * BLOCK));
    }
  }
}
