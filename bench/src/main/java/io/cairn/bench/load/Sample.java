package io.cairn.bench.load;

import org.HdrHistogram.Histogram;

/**
 * One measurement.
 *
 * @param ios requests that ended well.
 * @param iops per second of the load's time.
 * @param bytesPerSecond of the client's data.
 * @param latencies in nanoseconds from submission to completion, as fio's bins have them.
 * @param serverNanos processor time of the target's processes, over all of the run.
 * @param metadataNanos the same beside the data path.
 * @param clientNanos the same of fio.
 * @param othersShare processor time of everybody else and of the hypervisor, as a share of one
 *     core: what makes a figure worthless.
 */
record Sample(
    long ios,
    double iops,
    double bytesPerSecond,
    Histogram latencies,
    long serverNanos,
    long metadataNanos,
    long clientNanos,
    double othersShare) {

  double latencyMicros(double percentile) {
    return latencies.getValueAtPercentile(percentile) / 1e3;
  }

  double serverMicrosPerIo() {
    return perIo(serverNanos);
  }

  double metadataMicrosPerIo() {
    return perIo(metadataNanos);
  }

  double clientMicrosPerIo() {
    return perIo(clientNanos);
  }

  private double perIo(long nanos) {
    return ios == 0 ? 0 : nanos / 1e3 / ios;
  }
}
