package io.cairn.storage.transport;

import io.cairn.metadata.options.Option;
import io.cairn.metadata.options.OptionType;
import java.time.Duration;

/** Options of every process that has event loops for the data path. */
public final class LoopOptions {
  /** How long a loop asks before it sleeps. */
  public static final Option<Duration> BUSY_POLL =
      Option.of(
          "busy.poll",
          OptionType.duration(Duration.ZERO, Duration.ofMillis(1)),
          "50us",
          "How long at most an event loop asks for the next request or answer before it sleeps,"
              + " where the last ones came as fast; other threads go first. 0 sleeps at once, for"
              + " where processor time is dearer than latency.");

  /** Whether processes of one host use Unix sockets among themselves. */
  public static final Option<Boolean> LOCAL_SOCKETS =
      Option.of(
          "local.sockets",
          OptionType.flag(),
          "true",
          "Whether storage nodes and gateways on one host, and in one network namespace, talk by"
              + " Unix sockets, which cost a third of TCP over the loopback interface; with others"
              + " they use TCP in any case. A gateway lends its nodes the payloads of large writes"
              + " there, which they read in its memory.");

  private LoopOptions() {}
}
