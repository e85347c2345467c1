package io.cairn.storage.transport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Memory of large payloads. */
class LoopMemoryTest {
  private static final int MEBIBYTE = 1 << 20;

  /** Each test on a thread of its own, as nothing may be left there by another. */
  private static void onNewThread(Runnable test) {
    List<Throwable> failures = new ArrayList<>();
    Thread thread =
        Thread.ofPlatform()
            .uncaughtExceptionHandler((where, failure) -> failures.add(failure))
            .start(test);
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    failures.forEach(
        failure -> {
          throw new AssertionError(failure);
        });
  }

  private static ByteBuf payload(int bytes) {
    return LoopMemory.forPayload(bytes, UnpooledByteBufAllocator.DEFAULT);
  }

  @Test
  void aPayloadHasRoomForItsBytesAndNoMore() {
    onNewThread(
        () -> {
          for (int bytes : new int[] {1, 4096, 32768, 32769, 700_000, MEBIBYTE, 2 * MEBIBYTE}) {
            ByteBuf memory = payload(bytes);
            assertEquals(bytes, memory.capacity());
            assertEquals(bytes, memory.writableBytes());
            memory.writeZero(bytes);
            assertFalse(memory.isWritable());
            memory.release();
          }
        });
  }

  @Test
  void memoryOfALargePayloadIsUsedAgainForOthersOfItsSize() {
    onNewThread(
        () -> {
          ByteBuf first = payload(MEBIBYTE);
          long address = first.memoryAddress();
          first.release();
          assertEquals(0, first.refCnt());
          ByteBuf next = payload(MEBIBYTE - 4096);
          assertEquals(address, next.memoryAddress());
          assertEquals(MEBIBYTE - 4096, next.capacity());
          ByteBuf other = payload(MEBIBYTE);
          assertNotEquals(address, other.memoryAddress());
          next.release();
          other.release();
          ByteBuf smaller = payload(MEBIBYTE / 2);
          assertNotEquals(address, smaller.memoryAddress());
          smaller.release();
        });
  }

  @Test
  void noMoreThanSixteenMebibytesAreKept() {
    onNewThread(
        () -> {
          List<ByteBuf> held = new ArrayList<>();
          Set<Long> addresses = new HashSet<>();
          for (int i = 0; i < 24; i++) {
            held.add(payload(MEBIBYTE));
            addresses.add(held.getLast().memoryAddress());
          }
          held.forEach(ByteBuf::release);
          int kept = LoopMemory.current().keptForPayloadsBytes();
          assertEquals(16 * MEBIBYTE, kept);
          held.replaceAll(each -> payload(MEBIBYTE));
          assertEquals(0, LoopMemory.current().keptForPayloadsBytes());
          assertTrue(
              held.stream().filter(b -> addresses.contains(b.memoryAddress())).count() >= 16);
          held.forEach(ByteBuf::release);
        });
  }

  @Test
  void memoryThatIsReleasedElsewhereIsNotKept() {
    onNewThread(
        () -> {
          ByteBuf memory = payload(MEBIBYTE);
          onNewThread(memory::release);
          assertEquals(0, memory.refCnt());
          assertEquals(0, LoopMemory.current().keptForPayloadsBytes());
        });
  }
}
