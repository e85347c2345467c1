package io.cairn.storage.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class BlockingThreadsTest {
  private static final long LONG_NANOS = TimeUnit.SECONDS.toNanos(50);

  private final List<Thread> made = new ArrayList<>();

  private BlockingThreads threads(int most, long idleNanos) {
    return new BlockingThreads(
        most,
        idleNanos,
        task -> {
          Thread thread = Thread.ofPlatform().daemon().unstarted(task);
          made.add(thread);
          return thread;
        });
  }

  @Test
  void tasksThatWaitForEachOtherEachGetAThread() throws Exception {
    BlockingThreads threads = threads(3, LONG_NANOS);
    CyclicBarrier together = new CyclicBarrier(3);
    List<CompletableFuture<Integer>> all = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      all.add(
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  return together.await();
                } catch (Exception e) {
                  throw new IllegalStateException(e);
                }
              },
              threads));
    }
    for (CompletableFuture<Integer> each : all) {
      each.get();
    }
    assertEquals(3, made.size());
    assertTrue(threads.end(LONG_NANOS));
    assertEquals(0, threads.threadCount());
  }

  @Test
  void noMoreThreadsThanAllowedAreMadeAndNoTaskIsLost() throws Exception {
    BlockingThreads threads = threads(2, LONG_NANOS);
    AtomicInteger at = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    CountDownLatch done = new CountDownLatch(20_000);
    for (int i = 0; i < 20_000; i++) {
      threads.execute(
          () -> {
            most.accumulateAndGet(at.incrementAndGet(), Math::max);
            at.decrementAndGet();
            done.countDown();
          });
    }
    done.await();
    assertTrue(most.get() <= 2 && made.size() <= 2, made.size() + " threads");
    assertTrue(threads.end(LONG_NANOS));
    assertEquals(20_000, threads.waits().count(), "the wait of each is known");
  }

  @Test
  void aThreadThatIsFreeIsUsedAgain() throws Exception {
    BlockingThreads threads = threads(8, LONG_NANOS);
    Thread first = CompletableFuture.supplyAsync(Thread::currentThread, threads).get();
    while (first.getState() != Thread.State.TIMED_WAITING) {
      Thread.onSpinWait();
    }
    assertEquals(first, CompletableFuture.supplyAsync(Thread::currentThread, threads).get());
    assertTrue(threads.end(LONG_NANOS));
  }

  @Test
  void aThreadEndsWhenThereIsNothingToDoAndAnotherIsMadeLater() throws Exception {
    BlockingThreads threads = threads(1, TimeUnit.MILLISECONDS.toNanos(5));
    Thread first = CompletableFuture.supplyAsync(Thread::currentThread, threads).get();
    first.join();
    assertNotSame(first, CompletableFuture.supplyAsync(Thread::currentThread, threads).get());
    assertTrue(threads.end(LONG_NANOS));
  }

  @Test
  void aTaskThatThrowsCostsNoThread() throws Exception {
    BlockingThreads threads = threads(1, LONG_NANOS);
    threads.execute(
        () -> {
          throw new IllegalStateException("for the log");
        });
    assertEquals("ran", CompletableFuture.supplyAsync(() -> "ran", threads).get());
    assertEquals(1, made.size());
    assertTrue(threads.end(LONG_NANOS));
  }

  @Test
  void whatWasTakenIsDoneBeforeTheEndAndNothingIsTakenAfterIt() throws Exception {
    BlockingThreads threads = threads(1, LONG_NANOS);
    CountDownLatch open = new CountDownLatch(1);
    AtomicInteger done = new AtomicInteger();
    threads.execute(
        () -> {
          try {
            open.await();
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        });
    threads.execute(done::incrementAndGet);
    assertFalse(threads.end(0));
    assertThrows(RejectedExecutionException.class, () -> threads.execute(done::incrementAndGet));
    open.countDown();
    assertTrue(threads.end(LONG_NANOS));
    assertEquals(1, done.get());
  }
}
