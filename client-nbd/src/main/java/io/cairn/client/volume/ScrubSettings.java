package io.cairn.client.volume;

import java.util.function.LongSupplier;

/**
 * When a session scrubs its chunks, and how fast.
 *
 * @param lightMillis after which a chunk's checksums and versions are compared again; 0 for only
 *     when somebody asks.
 * @param deepMillis after which its data is; 0 for only when somebody asks.
 * @param clockMillis the wall's clock: what is recorded outlives the process.
 * @param pace shared by all volumes of the gateway.
 */
public record ScrubSettings(
    long lightMillis, long deepMillis, LongSupplier clockMillis, ScrubPace pace) {
  private static final long RATE_DEFAULT_BYTES = 32L << 20;

  /** Scrubs only when somebody asks. */
  public static ScrubSettings onRequest() {
    return new ScrubSettings(0, 0, System::currentTimeMillis, new ScrubPace(RATE_DEFAULT_BYTES));
  }
}
