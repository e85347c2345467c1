package io.cairn.client.gateway;

import io.cairn.client.volume.SessionCounters;
import io.cairn.client.volume.SessionTimings;
import io.cairn.client.volume.VolumeSession;
import io.cairn.metadata.clock.WallClock;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.metrics.HistogramFamily;
import io.cairn.metadata.metrics.LatencyHistogram;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.TimeGauge;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;

/**
 * The metrics of one volume in this gateway, over all its sessions. Scraped on another thread than
 * the sessions run on: what it shows may be a little old.
 */
final class VolumeMeters {
  /** One session, and what all sessions before it counted. */
  private record Sum(
      long reads,
      long readBytes,
      long writes,
      long writtenBytes,
      long zeroes,
      long flushes,
      long timeouts,
      long stalls,
      long longestStallNanos,
      long hedges,
      long corruptReads,
      long repairs,
      long copiedBlocks,
      long demotions,
      long promotions,
      long heldBack,
      long scrubbedChunks,
      long scrubbedBlocks,
      long scrubMendedBlocks) {
    static final Sum ZERO = new Sum(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    Sum plus(SessionCounters c) {
      return new Sum(
          reads + c.reads(),
          readBytes + c.readBytes(),
          writes + c.writes(),
          writtenBytes + c.writtenBytes(),
          zeroes + c.zeroes(),
          flushes + c.flushes(),
          timeouts + c.timeouts(),
          stalls + c.stalls(),
          Math.max(longestStallNanos, c.longestStallNanos()),
          hedges + c.hedges(),
          corruptReads + c.corruptReads(),
          repairs + c.repairs(),
          copiedBlocks + c.copiedBlocks(),
          demotions + c.demotions(),
          promotions + c.promotions(),
          heldBack + c.heldBack(),
          scrubbedChunks + c.scrubbedChunks(),
          scrubbedBlocks + c.scrubbedBlocks(),
          scrubMendedBlocks + c.scrubMendedBlocks());
    }
  }

  private record Current(Sum before, VolumeSession session) {
    Sum sum() {
      return session == null ? before : before.plus(session.counters());
    }
  }

  private final String volume;
  private final MeterRegistry registry;
  private final Counter fenced;
  private volatile Current current = new Current(Sum.ZERO, null);

  /** How long requests of the sessions before took; not changed once it is here. */
  private volatile Map<SessionTimings.Kind, LatencyHistogram> before = Map.of();

  /**
   * The meters of a volume.
   *
   * @param requests where the times of its requests are shown.
   * @param stages where the times of their stages are.
   */
  VolumeMeters(
      String volume, MeterRegistry registry, HistogramFamily requests, HistogramFamily stages) {
    this.volume = volume;
    this.registry = registry;
    for (SessionTimings.Kind kind : SessionTimings.Kind.values()) {
      String value = kind.name().toLowerCase(Locale.ROOT);
      if (kind.isRequest()) {
        requests.add(() -> timed(kind), "volume", volume, "request", value);
      } else {
        stages.add(() -> timed(kind), "volume", volume, "stage", value);
      }
    }
    counter("cairn.volume.reads", "Reads that clients asked for", Sum::reads);
    counter("cairn.volume.read.bytes", "Bytes of those reads", Sum::readBytes);
    counter("cairn.volume.writes", "Writes that clients asked for", Sum::writes);
    counter("cairn.volume.written.bytes", "Bytes of those writes", Sum::writtenBytes);
    counter("cairn.volume.zeroes", "Trims and writes of zeroes", Sum::zeroes);
    counter("cairn.volume.flushes", "Flushes", Sum::flushes);
    counter("cairn.volume.timeouts", "Requests that waited too long and failed", Sum::timeouts);
    counter("cairn.volume.stalls", "Requests that took longer than 500 ms", Sum::stalls);
    counter("cairn.volume.hedges", "Reads that a second replica was asked for", Sum::hedges);
    counter("cairn.volume.corrupt.reads", "Reads with a wrong checksum", Sum::corruptReads);
    counter("cairn.volume.repairs", "Ranges rewritten for a replica", Sum::repairs);
    counter("cairn.volume.copied.blocks", "Blocks fetched in catch-ups", Sum::copiedBlocks);
    counter("cairn.volume.demotions", "Replicas taken out of in-sync sets", Sum::demotions);
    counter("cairn.volume.promotions", "Replicas taken into in-sync sets", Sum::promotions);
    counter("cairn.volume.held.back", "Catch-ups put off for waiting writers", Sum::heldBack);
    counter("cairn.volume.scrubbed.chunks", "Chunks that were scrubbed", Sum::scrubbedChunks);
    counter(
        "cairn.volume.scrubbed.blocks",
        "Copies of blocks that scrubs have compared",
        Sum::scrubbedBlocks);
    counter(
        "cairn.volume.scrub.mended.blocks",
        "Copies of blocks that scrubs have mended",
        Sum::scrubMendedBlocks);
    fenced =
        Counter.builder("cairn.volume.fenced")
            .description("Times that another gateway took the volume over")
            .tag("volume", volume)
            .register(registry);
    TimeGauge.builder(
            "cairn.volume.longest.stall",
            this,
            TimeUnit.NANOSECONDS,
            meters -> meters.current.sum().longestStallNanos())
        .description("The longest time that a request took, if over 500 ms")
        .tag("volume", volume)
        .register(registry);
    gauge("cairn.volume.in.flight", "Requests under way", VolumeSession::requestsInFlight);
    gauge("cairn.volume.window.bytes", "Writes not durable everywhere", VolumeSession::windowBytes);
    gauge(
        "cairn.volume.bad.blocks",
        "Blocks without a good copy",
        session -> session.counters().badBlocks());
    gauge(
        "cairn.volume.lost.chunks",
        "Chunks that no in-sync replica holds any more",
        session -> session.counters().lostChunks());
    gauge("cairn.volume.generation", "Generation of the ownership", VolumeSession::generation);
  }

  private void counter(String name, String text, ToLongFunction<Sum> value) {
    FunctionCounter.builder(name, this, meters -> value.applyAsLong(meters.current.sum()))
        .description(text)
        .tag("volume", volume)
        .register(registry);
  }

  private void gauge(String name, String text, ToDoubleFunction<VolumeSession> value) {
    Gauge.builder(
            name,
            this,
            meters -> {
              VolumeSession session = meters.current.session();
              return session == null || session.isOver() ? 0 : value.applyAsDouble(session);
            })
        .description(text)
        .tag("volume", volume)
        .register(registry);
  }

  private LatencyHistogram timed(SessionTimings.Kind kind) {
    LatencyHistogram sum = new LatencyHistogram();
    if (before.get(kind) != null) {
      sum.add(before.get(kind));
    }
    VolumeSession session = current.session();
    if (session != null) {
      sum.add(session.timings().of(kind));
    }
    return sum;
  }

  /** What clients did so far. */
  Query.VolumeActivity activity() {
    Sum sum = current.sum();
    LatencyHistogram requests = new LatencyHistogram();
    for (SessionTimings.Kind kind : SessionTimings.Kind.values()) {
      if (kind.isRequest()) {
        requests.add(timed(kind));
      }
    }
    return new Query.VolumeActivity(
        volume,
        WallClock.millis(),
        sum.reads(),
        sum.readBytes(),
        sum.writes(),
        sum.writtenBytes(),
        requests.count(),
        requests.sumNanos() / 1000,
        requests.counts());
  }

  /** Another gateway took the volume over. */
  void fenced() {
    fenced.increment();
  }

  /** Shows another session of the volume from now on. */
  void of(VolumeSession session) {
    Map<SessionTimings.Kind, LatencyHistogram> sums = new EnumMap<>(SessionTimings.Kind.class);
    for (SessionTimings.Kind kind : SessionTimings.Kind.values()) {
      sums.put(kind, timed(kind));
    }
    current = new Current(current.sum(), null);
    before = sums;
    current = new Current(current.sum(), session);
  }
}
