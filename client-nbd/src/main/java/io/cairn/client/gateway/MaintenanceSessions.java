package io.cairn.client.gateway;

import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.MaintenanceOffer;
import io.netty.channel.EventLoop;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Volumes that nobody has attached, taken only to bring their replicas up or to scrub them. A real
 * owner, here or elsewhere, never waits for one: its generation is the fence. On the gateway's
 * loop.
 *
 * <pre>
 * OPENING --owned--> MENDING --nothing left, or nothing moves--> RELEASING --over--> gone
 * any --a client opens the volume here, another owner takes it--> gone
 * </pre>
 */
final class MaintenanceSessions {
  private static final Logger LOG = LoggerFactory.getLogger(MaintenanceSessions.class);
  private static final long CHECK_MILLIS = 250;

  /** A volume for which nothing was done in that time is given back: others may have a turn. */
  private static final long IDLE_NANOS = 20_000_000_000L;

  /** One that moved replicas to other nodes is kept for that time: the next move comes soon. */
  private static final long LINGER_NANOS = 10_000_000_000L;

  /** Makes the session of an offer. */
  interface Sessions {
    LoopSession of(MaintenanceOffer offer);
  }

  private static final class Maintained {
    final LoopSession session;
    final MendProgress progress = new MendProgress(true);
    boolean serving;
    boolean releasing;
    long movement = -1;
    long movedNanos;
    Future<?> check;

    Maintained(LoopSession session, long nowNanos) {
      this.session = session;
      movedNanos = nowNanos;
    }
  }

  private final EventLoop loop;
  private final Sessions sessions;
  private final Predicate<String> isHosted;
  private final Map<String, Maintained> volumes = new LinkedHashMap<>();
  private boolean stopped;

  /**
   * None yet.
   *
   * @param isHosted whether a client uses the volume here.
   */
  MaintenanceSessions(EventLoop loop, Sessions sessions, Predicate<String> isHosted) {
    this.loop = loop;
    this.sessions = sessions;
    this.isHosted = isHosted;
  }

  /** Takes what the metadata offers, unless it is here already. */
  void onOffers(List<MaintenanceOffer> offers) {
    for (MaintenanceOffer offer : offers) {
      if (!stopped && !volumes.containsKey(offer.volume()) && !isHosted.test(offer.volume())) {
        take(offer);
      }
    }
  }

  private void take(MaintenanceOffer offer) {
    String name = offer.volume();
    Maintained maintained = new Maintained(sessions.of(offer), System.nanoTime());
    volumes.put(name, maintained);
    maintained.session.start(
        () -> {
          maintained.serving = true;
          LOG.info(
              "volume {}: nobody has attached it and {}; mended here in generation {}",
              name,
              offer.scrubDue()
                  ? "it is time for a scrub"
                  : maintained.session.session().mending().chunksToMend()
                      + " chunks are out of sync",
              maintained.session.session().generation());
        },
        () -> over(name, maintained));
    if (volumes.containsKey(name)) {
      maintained.check =
          loop.scheduleWithFixedDelay(
              () -> check(name, maintained), CHECK_MILLIS, CHECK_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  private void check(String name, Maintained maintained) {
    var session = maintained.session.session();
    if (session.isOver() || maintained.releasing) {
      return;
    }
    long nowNanos = System.nanoTime();
    var counters = session.counters();
    long movement = counters.copiedBlocks() + counters.promotions() + counters.demotions();
    movement += counters.scrubbedBlocks() + session.mending().movesBegun();
    if (movement != maintained.movement) {
      maintained.movement = movement;
      maintained.movedNanos = nowNanos;
    }
    // More moves may be wished for: a session for each one would raise the generation each time.
    boolean lingers =
        session.mending().movesBegun() > 0 && nowNanos - maintained.movedNanos < LINGER_NANOS;
    boolean whole =
        maintained.serving
            && !lingers
            && session.mending().isDone()
            && !session.mending().isScrubAskedFor()
            && !session.mending().isScrubbing();
    if (whole || nowNanos - maintained.movedNanos > IDLE_NANOS) {
      maintained.releasing = true;
      LOG.info("volume {}: {}, given back", name, whole ? "all in sync" : "nothing moves");
      maintained.session.release();
    }
  }

  private void over(String name, Maintained maintained) {
    volumes.remove(name, maintained);
    if (maintained.check != null) {
      maintained.check.cancel(false);
    }
  }

  /** A client opens the volume here: it must not wait. */
  void giveWay(String name) {
    Maintained maintained = volumes.get(name);
    if (maintained != null) {
      LOG.info("volume {}: a client opens it, the mending gives way", name);
      maintained.session.abandon();
    }
  }

  /** How far each has come. */
  List<Query.VolumeMend> mends(long nowNanos) {
    return volumes.entrySet().stream()
        .map(e -> e.getValue().progress.look(e.getKey(), e.getValue().session.session(), nowNanos))
        .toList();
  }

  /** What they saw of chunks whose in-sync replicas are gone for good. */
  Stream<Query.VolumeLooks> looks(long nowNanos) {
    return volumes.values().stream()
        .flatMap(maintained -> maintained.session.looksAtLostChunks(nowNanos));
  }

  /** Where nodes are now. */
  void onNodes(Reply.HeartbeatAck nodes) {
    List.copyOf(volumes.values()).forEach(m -> m.session.onNodes(nodes));
  }

  /** Gives all of them up at once: whoever takes them next mends on. */
  void stop() {
    stopped = true;
    List.copyOf(volumes.values()).forEach(m -> m.session.abandon());
  }
}
