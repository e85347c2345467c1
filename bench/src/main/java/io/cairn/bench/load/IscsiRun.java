package io.cairn.bench.load;

import io.cairn.bench.initiator.Initiator;
import io.cairn.client.cli.CommandFailure;
import java.io.IOException;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * Loads by iSCSI: libiscsi in this process and on the calling thread, a session for each load, and
 * a number of commands in flight, the next of which begins when one has ended.
 */
final class IscsiRun implements Client {
  private static final int SILENCE_MILLIS = 30_000;
  private static final int PERCENT = 100;
  private static final int PREWRITE_DEPTH = 8;
  private static final int PREWRITE_BYTES = 1 << 20;

  @Override
  public void prewrite(Target target, Row.Form form, long regionBytes) {
    Row row = new Row("prewrite", form, "write", PREWRITE_BYTES, PREWRITE_DEPTH);
    new Load(target, row, regionBytes).run(regionBytes / PREWRITE_BYTES, Long.MAX_VALUE);
  }

  @Override
  public Served load(Target target, Row row, long regionBytes, int seconds) {
    return new Load(target, row, regionBytes)
        .run(Long.MAX_VALUE, TimeUnit.SECONDS.toNanos(seconds));
  }

  /** One load on one session. */
  private static final class Load {
    private final Target target;
    private final Row row;
    private final long blocks;
    private final long[] begunNanos;
    private final int[] free;
    private int freeCount;
    private final Histogram latencies = new Histogram(Served.LATENCY_MAX_NANOS, Served.DIGITS);
    private final SplittableRandom random = new SplittableRandom();
    private long next;

    Load(Target target, Row row, long regionBytes) {
      this.target = target;
      this.row = row;
      this.blocks = regionBytes / row.blockBytes();
      begunNanos = new long[row.depth()];
      free = new int[row.depth()];
      for (int slot = 0; slot < row.depth(); slot++) {
        free[freeCount++] = slot;
      }
    }

    private void ended(int slot) {
      latencies.recordValue(
          Math.min(Served.LATENCY_MAX_NANOS, System.nanoTime() - begunNanos[slot]));
      free[freeCount++] = slot;
    }

    /** Until so many commands have ended, or so much time has passed. */
    Served run(long commandsMax, long nanosMax) {
      IscsiAddress address = target.iscsi(row).orElseThrow();
      try (Initiator initiator =
          new Initiator(
              address.port(),
              address.target(),
              address.lun(),
              row.depth(),
              row.blockBytes(),
              this::ended)) {
        long client = ProcessorTime.ofNanos(List.of(ProcessHandle.current()));
        long begin = System.nanoTime();
        long begun = 0;
        boolean more = true;
        while (more || freeCount < row.depth()) {
          more = more && begun < commandsMax && System.nanoTime() - begin < nanosMax;
          while (more && freeCount > 0 && begun < commandsMax) {
            begin(initiator, free[--freeCount]);
            begun++;
          }
          if (freeCount < row.depth()) {
            initiator.await(SILENCE_MILLIS);
          }
        }
        double seconds = (System.nanoTime() - begin) / 1e9;
        long ios = latencies.getTotalCount();
        return new Served(
            ios,
            ios / seconds,
            ios / seconds * row.blockBytes(),
            latencies,
            ProcessorTime.ofNanos(List.of(ProcessHandle.current())) - client);
      } catch (IOException e) {
        throw new CommandFailure(target.name() + ": " + e.getMessage(), e);
      }
    }

    private void begin(Initiator initiator, int slot) throws IOException {
      long block = row.random() ? random.nextLong(blocks) : next++ % blocks;
      long offset = block * row.blockBytes();
      boolean read = random.nextInt(PERCENT) < row.readPercent();
      begunNanos[slot] = System.nanoTime();
      if (read) {
        initiator.read(slot, offset, row.blockBytes());
      } else {
        initiator.write(slot, offset, row.blockBytes(), row.form() == Row.Form.ALWAYS);
      }
    }
  }
}
