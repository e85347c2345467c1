package io.cairn.client.gateway;

import io.cairn.client.volume.MetadataCalls;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import java.util.function.Supplier;

/**
 * Tells the metadata every two seconds that the gateway lives, and brings back where nodes are. The
 * next one goes out that long after the last was answered or given up.
 */
final class Heartbeats {
  private static final long PERIOD_MILLIS = 2_000;

  /** Silence of the metadata after which the gateway is not ready. */
  private static final long SILENT_NANOS = 10_000_000_000L;

  private final MetadataCalls metadata;
  private final EventLoop loop;
  private final Supplier<Query.GatewayHeartbeat> heartbeat;
  private final Consumer<Reply.HeartbeatAck> acks;
  private final LongConsumer eachBeat;
  private final long startNanos = System.nanoTime();
  private volatile boolean answered;
  private volatile long answeredNanos = startNanos;
  private Future<?> next;
  private boolean stopped;

  Heartbeats(
      MetadataCalls metadata,
      EventLoop loop,
      Supplier<Query.GatewayHeartbeat> heartbeat,
      Consumer<Reply.HeartbeatAck> acks,
      LongConsumer eachBeat) {
    this.metadata = metadata;
    this.loop = loop;
    this.heartbeat = heartbeat;
    this.acks = acks;
    this.eachBeat = eachBeat;
  }

  /** Sends the first one, and one after the other from then on. On the loop. */
  void beat() {
    metadata.query(
        heartbeat.get(),
        (reply, now) -> {
          if (stopped) {
            return;
          }
          eachBeat.accept(now);
          if (reply instanceof Reply.HeartbeatAck ack) {
            answeredNanos = now;
            answered = true;
            acks.accept(ack);
          }
          next = loop.schedule(this::beat, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
        });
  }

  void stop() {
    stopped = true;
    if (next != null) {
      next.cancel(false);
    }
  }

  /** Null, or why volumes cannot be opened now. On any thread. */
  String silence() {
    long silentNanos = System.nanoTime() - answeredNanos;
    if (!answered) {
      return "waiting for the metadata for " + silentNanos / 1_000_000_000L + " s";
    }
    if (silentNanos > SILENT_NANOS) {
      return "the metadata has not answered for "
          + silentNanos / 1_000_000_000L
          + " s: open volumes are served, others cannot be opened";
    }
    return null;
  }
}
