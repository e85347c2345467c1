package io.cairn.storage.node;

import io.cairn.metadata.metrics.LatencyHistogram;
import io.cairn.storage.device.BackgroundThread;
import io.cairn.storage.device.BlockingThreads;
import io.cairn.storage.journal.StoreLoop;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The threads of one shard that wait for its devices. */
final class ShardThreads {
  private static final Logger LOG = LoggerFactory.getLogger(ShardThreads.class);

  /** Reads of the capacity tier that are under way at one time. */
  private static final int BLOCKING = 8;

  private static final long IDLE_SECONDS = 10;
  private static final long END_SECONDS = 30;

  private final BlockingThreads blocking;

  /** Its own: a sync must not queue behind slow reads. */
  private final BlockingThreads syncing;

  /** Destages while there is time for it. */
  private final BlockingThreads background;

  private final LatencyHistogram syncs = new LatencyHistogram();

  ShardThreads(int shard) {
    blocking = threads(BLOCKING, new DefaultThreadFactory("tier-" + shard, true));
    syncing = threads(1, new DefaultThreadFactory("journal-sync-" + shard, true));
    background = threads(1, new BackgroundThreads("destage-" + shard));
  }

  private static BlockingThreads threads(int most, ThreadFactory factory) {
    return new BlockingThreads(most, TimeUnit.SECONDS.toNanos(IDLE_SECONDS), factory);
  }

  private static final class BackgroundThreads extends DefaultThreadFactory {
    BackgroundThreads(String name) {
      super(name, true);
    }

    @Override
    protected Thread newThread(Runnable task, String name) {
      return super.newThread(
          () -> {
            BackgroundThread.lowerThisOne();
            task.run();
          },
          name);
    }
  }

  /** How long syncs of the journal took. */
  LatencyHistogram syncs() {
    return syncs;
  }

  /** How long reads of the capacity tier, and what else blocks, waited for a thread. */
  LatencyHistogram queued() {
    return blocking.waits();
  }

  /** Runs and times a sync of the journal, of which one is under way at most. */
  void sync(Runnable sync) {
    syncing.execute(
        () -> {
          long beginNanos = System.nanoTime();
          sync.run();
          syncs.record(System.nanoTime() - beginNanos);
        });
  }

  static void onLoop(EventLoop loop, Runnable task) {
    try {
      loop.execute(task);
    } catch (RejectedExecutionException e) {
      // The node has stopped; nobody is left to be told.
    }
  }

  /** The shard's loop as its store sees it. */
  StoreLoop loop(EventLoop loop) {
    return new Loop(loop);
  }

  private final class Loop implements StoreLoop {
    private final EventLoop loop;

    Loop(EventLoop loop) {
      this.loop = loop;
    }

    @Override
    public void onLoop(Runnable task) {
      ShardThreads.onLoop(loop, task);
    }

    @Override
    public void offLoop(Runnable task) {
      blocking.execute(task);
    }

    @Override
    public void inBackground(Runnable task) {
      background.execute(task);
    }

    @Override
    public long nowNanos() {
      return System.nanoTime();
    }

    @Override
    public void later(long delayNanos, Runnable task) {
      try {
        var unused = loop.schedule(task, delayNanos, TimeUnit.NANOSECONDS);
      } catch (RejectedExecutionException e) {
        // The node has stopped.
      }
    }
  }

  /** Waits for what is under way, for a while. */
  void end() {
    end(syncing);
    end(background);
    end(blocking);
  }

  private static void end(BlockingThreads threads) {
    if (!threads.end(TimeUnit.SECONDS.toNanos(END_SECONDS))) {
      LOG.warn("work on a device has not ended within {} s", END_SECONDS);
    }
  }
}
