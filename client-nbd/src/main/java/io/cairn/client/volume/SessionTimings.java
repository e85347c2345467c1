package io.cairn.client.volume;

import io.cairn.metadata.metrics.LatencyHistogram;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongFunction;

/**
 * How long a session's requests took, and their stages. Every time here was read for another
 * purpose anyway: a request costs some additions. Written on the session's loop only; another
 * thread that reads it may see what is a little old.
 *
 * <pre>
 * request: asked --QUEUE--> sent to the replicas --REPLICAS--> answered
 * </pre>
 */
public final class SessionTimings {
  /** What is timed. */
  public enum Kind {
    READ,
    WRITE,
    ZERO,
    FLUSH,
    EXTENTS,
    /**
     * A write waits for its chunk, for its blocks, for the old bytes around it, and for room in the
     * window.
     */
    QUEUE,
    /** A write is on its way to all in-sync replicas and back. */
    REPLICAS;

    /** Whether it is a request and not a stage of one. */
    public boolean isRequest() {
      return ordinal() <= EXTENTS.ordinal();
    }
  }

  /**
   * A request that took long.
   *
   * @param kind one that is a request.
   * @param chunkIndex of its first byte.
   * @param queueNanos from the question until it was sent to a replica for the last time; all of
   *     its time when it never was.
   * @param replicasNanos from then on until the answer.
   * @param failed whether it was answered with an error.
   */
  public record Slow(
      Kind kind,
      long chunkIndex,
      long offsetBytes,
      long lengthBytes,
      long queueNanos,
      long replicasNanos,
      boolean failed) {
    /** All of its time. */
    public long tookNanos() {
      return queueNanos + replicasNanos;
    }
  }

  private final Map<Kind, LatencyHistogram> histograms = new EnumMap<>(Kind.class);
  private LongFunction<LatencyHistogram> byNode = nodeId -> new LatencyHistogram();
  private long slowNanos = Long.MAX_VALUE;
  private Consumer<Slow> onSlow = slow -> {};
  private RepairRate repairRate = RepairRate.unbounded();

  /** When the write that is being acknowledged was sent. */
  private long acknowledgedSentNanos;

  SessionTimings() {
    for (Kind kind : Kind.values()) {
      histograms.put(kind, new LatencyHistogram());
    }
  }

  /** Hears of each request that takes so long or longer, on the session's loop. */
  public void reportSlow(long fromNanos, Consumer<Slow> listener) {
    slowNanos = fromNanos;
    onSlow = listener;
  }

  /** Says where the round trips to each node are counted, from the next link on. */
  public void countRoundTrips(LongFunction<LatencyHistogram> byNodeId) {
    byNode = byNodeId;
  }

  /** Lets the rate of repairs know how long reads and writes take. */
  void feed(RepairRate rate) {
    repairRate = rate;
  }

  /** What was counted of one kind. */
  public LatencyHistogram of(Kind kind) {
    return histograms.get(kind);
  }

  LatencyHistogram ofNode(long nodeId) {
    return byNode.apply(nodeId);
  }

  void sent(WriteOp op, long nowNanos) {
    op.sentNanos = nowNanos;
    of(Kind.QUEUE).record(nowNanos - op.askedNanos);
  }

  void acknowledged(WriteOp op, long nowNanos) {
    acknowledgedSentNanos = op.sentNanos;
    of(Kind.REPLICAS).record(nowNanos - op.sentNanos);
  }

  long acknowledgedSentNanos() {
    return acknowledgedSentNanos;
  }

  void ended(ClientRequest request, boolean failed, int chunkSizeBytes, long nowNanos) {
    long tookNanos = nowNanos - request.startNanos;
    of(request.kind).record(tookNanos);
    if (request.kind == Kind.READ || request.kind == Kind.WRITE) {
      repairRate.requestEnded(tookNanos, nowNanos);
    }
    if (tookNanos >= slowNanos) {
      long queueNanos = request.sentNanos == 0 ? tookNanos : request.sentNanos - request.startNanos;
      onSlow.accept(
          new Slow(
              request.kind,
              request.offsetBytes / chunkSizeBytes,
              request.offsetBytes,
              request.lengthBytes,
              queueNanos,
              tookNanos - queueNanos,
              failed));
    }
  }
}
