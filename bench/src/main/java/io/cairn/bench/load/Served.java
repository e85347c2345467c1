package io.cairn.bench.load;

import org.HdrHistogram.Histogram;

/**
 * What a client saw of one load.
 *
 * @param ios requests that ended well.
 * @param iops per second of the load's time.
 * @param bytesPerSecond of the client's data.
 * @param latencies in nanoseconds.
 * @param clientNanos the client's processor time.
 */
record Served(long ios, double iops, double bytesPerSecond, Histogram latencies, long clientNanos) {
  static final long LATENCY_MAX_NANOS = 600_000_000_000L;
  static final int DIGITS = 3;
}
