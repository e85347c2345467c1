package io.cairn.client.gateway;

import io.cairn.client.volume.SessionTimings.Slow;
import io.cairn.client.volume.VolumeSession;
import java.time.Duration;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Logs a volume's slow requests with their stages, one line a second at most: when a replica dies,
 * everything that was on its way is slow.
 */
final class SlowRequests {
  private static final Logger LOG = LoggerFactory.getLogger(SlowRequests.class);
  private static final long PERIOD_NANOS = 1_000_000_000L;

  private final String volume;
  private final LongSupplier generation;
  private final LongSupplier clock;
  private final Consumer<String> lines;
  private long quietUntilNanos = Long.MIN_VALUE;
  private long unsaid;

  SlowRequests(String volume, LongSupplier generation, LongSupplier clock, Consumer<String> lines) {
    this.volume = volume;
    this.generation = generation;
    this.clock = clock;
    this.lines = lines;
  }

  /** Logs what takes so long or longer in a session; nothing when the threshold is zero. */
  static void report(String volume, VolumeSession session, Duration threshold) {
    if (!threshold.isZero()) {
      SlowRequests slow =
          new SlowRequests(volume, session::generation, System::nanoTime, LOG::warn);
      session.timings().reportSlow(threshold.toNanos(), slow::ended);
    }
  }

  void ended(Slow slow) {
    long nowNanos = clock.getAsLong();
    if (nowNanos < quietUntilNanos) {
      unsaid++;
      return;
    }
    quietUntilNanos = nowNanos + PERIOD_NANOS;
    String others = unsaid == 0 ? "" : ", and " + unsaid + " more since the last such line";
    unsaid = 0;
    lines.accept(
        "slow request: volume=%s generation=%d chunk=%d request=%s offset=%d length=%d took=%dms"
                .formatted(
                    volume,
                    generation.getAsLong(),
                    slow.chunkIndex(),
                    slow.kind().name().toLowerCase(Locale.ROOT),
                    slow.offsetBytes(),
                    slow.lengthBytes(),
                    millis(slow.tookNanos()))
            + " queue=%dms replicas=%dms%s"
                .formatted(
                    millis(slow.queueNanos()),
                    millis(slow.replicasNanos()),
                    slow.failed() ? " failed" : "")
            + others);
  }

  private static long millis(long nanos) {
    return nanos / 1_000_000L;
  }
}
