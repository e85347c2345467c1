package io.cairn.storage.transport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.channel.epoll.Epoll;
import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Memory that two processes see; here one process twice. */
class SharedMemoryTest {
  @TempDir Path directory;

  @Test
  void theBorrowerSeesWhatTheLenderWrites() throws IOException {
    SharedMemory lender = SharedMemory.make(64 << 10);
    SharedMemory borrower = SharedMemory.borrow(lender.descriptor());
    lender.setLong(4096, 0x1122334455667788L);
    assertEquals(0x1122334455667788L, borrower.getLong(4096));
    assertEquals(64 << 10, borrower.sizeBytes());
    lender.release();
    assertEquals(0x1122334455667788L, borrower.getLong(4096), "the lender's end changes nothing");
    borrower.release();
  }

  @Test
  void aPlaceIsWhereTheRangeLiesWhole() throws IOException {
    SharedMemory lender = SharedMemory.make(64 << 10);
    long address = lender.memoryAddress();
    assertEquals(0, lender.placeOf(address, 64 << 10));
    assertEquals(4096, lender.placeOf(address + 4096, 60 << 10));
    assertEquals(-1, lender.placeOf(address + 4096, (60 << 10) + 1));
    assertEquals(-1, lender.placeOf(address - 1, 1));
    assertEquals(-1, lender.placeOf(address + (64 << 10), 1));
    lender.release();
  }

  @Test
  void aFileThatCouldBecomeShorterIsNotBorrowed() throws IOException {
    // Of its library are the descriptors, which nothing else here has loaded when this comes first.
    Epoll.ensureAvailability();
    Path file = directory.resolve("file");
    try (RandomAccessFile made = new RandomAccessFile(file.toFile(), "rw")) {
      made.setLength(4096);
    }
    FileDescriptor descriptor = FileDescriptor.from(file.toFile());
    assertThrows(IOException.class, () -> SharedMemory.borrow(descriptor));
    descriptor.close();
  }

  @Test
  void moreThanTheBoundIsNotBorrowed() throws IOException {
    SharedMemory lender = SharedMemory.make(SharedMemory.SIZE_BYTES_MAX + 4096);
    IOException refused =
        assertThrows(IOException.class, () -> SharedMemory.borrow(lender.descriptor()));
    assertTrue(refused.getMessage().contains(String.valueOf(SharedMemory.SIZE_BYTES_MAX)));
    lender.release();
  }
}
