package io.cairn.client.gateway;

import io.cairn.client.nbd.Exports;
import io.cairn.client.volume.VolumeSession;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.VolumeRecord;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One volume in this gateway, from the first connection that wants it until it was given up. All
 * its connections share one session.
 *
 * <pre>
 * OPENING --the session serves--> SERVING --no connection for the linger--> RELEASING
 * RELEASING --a connection, in time--> SERVING     RELEASING --over, one waits--> OPENING
 * any --over: given up, refused, fenced--> GONE
 * </pre>
 */
final class HostedVolume {
  private static final Logger LOG = LoggerFactory.getLogger(HostedVolume.class);

  /** A request that waits longer is reported. */
  private static final long STALL_REPORT_NANOS = 3_000_000_000L;

  private static final long STALL_REPORT_AGAIN_NANOS = 15_000_000_000L;

  /** How long an unused volume is kept for replicas that cannot be reached. */
  private static final long UNREACHABLE_KEEP_NANOS = 30_000_000_000L;

  private static final long MENDED_CHECK_MILLIS = 500;

  private enum State {
    OPENING,
    SERVING,
    RELEASING,
    GONE
  }

  /** Hears the volume's end. */
  interface Listener {
    /** The volume is no longer here; whether another owner took it away under connections. */
    void gone(HostedVolume volume, boolean fencedInUse);
  }

  private final String name;
  private final LongFunction<LoopSession> sessions;
  private final VolumeMeters meters;
  private final EventLoop loop;
  private final long lingerNanos;
  private final Listener listener;
  private final MendProgress mend = new MendProgress(false);
  private final Set<Exports.Opening> waiting = new LinkedHashSet<>();
  private final Set<Exports.Opening> opened = new LinkedHashSet<>();
  private State state = State.OPENING;
  private LoopSession session;
  private Future<?> linger;
  private boolean closing;
  private long unusedSinceNanos;
  private long stallReportNanos = Long.MIN_VALUE;

  HostedVolume(
      String name,
      LongFunction<LoopSession> sessions,
      VolumeMeters meters,
      EventLoop loop,
      long lingerNanos,
      Listener listener) {
    this.name = name;
    this.sessions = sessions;
    this.meters = meters;
    this.loop = loop;
    this.lingerNanos = lingerNanos;
    this.listener = listener;
  }

  String name() {
    return name;
  }

  /** The volume's size as it is served, or -1 while it is not. */
  long sizeBytes() {
    return state == State.SERVING ? session.sizeBytes() : -1;
  }

  /**
   * Takes the volume.
   *
   * @param generation from which it is taken; -1 for whatever it is.
   */
  void start(long generation) {
    state = State.OPENING;
    session = sessions.apply(generation);
    meters.of(session.session());
    session.start(this::serves, this::over);
  }

  private void serves() {
    state = State.SERVING;
    LOG.info("volume {}: owned in generation {}", name, session.session().generation());
    List<Exports.Opening> first = new ArrayList<>(waiting);
    waiting.clear();
    for (Exports.Opening opening : first) {
      opened.add(opening);
      opening.opened(name, session);
    }
    lingerIfUnused();
  }

  /** Opens the volume for one more connection. */
  void join(Exports.Opening opening) {
    stopLinger();
    if (state == State.RELEASING && session.keep()) {
      state = State.SERVING;
    }
    if (state == State.SERVING) {
      opened.add(opening);
      opening.opened(name, session);
    } else {
      waiting.add(opening);
    }
  }

  /** A connection is done with the volume; true when it was one of this volume. */
  boolean leave(Exports.Opening opening) {
    if (!opened.remove(opening) && !waiting.remove(opening)) {
      return false;
    }
    lingerIfUnused();
    return true;
  }

  private void lingerIfUnused() {
    if (state == State.SERVING && opened.isEmpty() && linger == null) {
      unusedSinceNanos = System.nanoTime();
      linger = loop.schedule(this::lingered, lingerNanos, TimeUnit.NANOSECONDS);
    }
  }

  /**
   * Replicas that catch up would stay behind until the next client came: nobody else brings them
   * up. For those that cannot be reached the volume is kept for a while only. Another gateway may
   * take the volume over all the same.
   */
  private void lingered() {
    linger = null;
    if (state != State.SERVING) {
      return;
    }
    boolean awaitsNodes =
        session.session().mending().isDegraded()
            && System.nanoTime() - unusedSinceNanos < UNREACHABLE_KEEP_NANOS;
    if (awaitsNodes || session.session().mending().isMending()) {
      linger = loop.schedule(this::lingered, MENDED_CHECK_MILLIS, TimeUnit.MILLISECONDS);
    } else {
      release();
    }
  }

  private void stopLinger() {
    if (linger != null) {
      linger.cancel(false);
      linger = null;
    }
  }

  /** Gives the volume up once everything written is durable. */
  private void release() {
    stopLinger();
    if (state == State.SERVING) {
      state = State.RELEASING;
      session.release();
    }
  }

  /** Gives the volume up whoever uses it; what was not begun is not waited for. */
  void close() {
    closing = true;
    switch (state) {
      case SERVING -> release();
      case OPENING -> session.abandon();
      case RELEASING, GONE -> {}
    }
  }

  /** Gives up without settling anything. */
  void abandon() {
    closing = true;
    session.abandon();
  }

  private void over() {
    stopLinger();
    VolumeSession ended = session.session();
    boolean inUse = !opened.isEmpty();
    List<Exports.Opening> users = new ArrayList<>(opened);
    opened.clear();
    if (ended.isFenced()) {
      meters.fenced();
      LOG.warn(
          "volume {}: fenced in generation {}: another gateway has taken it over",
          name,
          ended.generation());
    } else {
      LOG.info("volume {}: given up in generation {}", name, ended.generation());
    }
    users.forEach(Exports.Opening::over);
    if (state == State.RELEASING && !ended.isFenced() && !waiting.isEmpty() && !closing) {
      start(-1);
      return;
    }
    state = State.GONE;
    List<Exports.Opening> disappointed = new ArrayList<>(waiting);
    waiting.clear();
    listener.gone(this, ended.isFenced() && inUse);
    disappointed.forEach(opening -> disappoint(opening, ended));
  }

  private void disappoint(Exports.Opening opening, VolumeSession ended) {
    Reply.Refused refusal = ended.refusal();
    if (refusal != null && refusal.code() == Reply.ErrorCode.NOT_FOUND) {
      opening.unknown(refusal.message());
    } else if (refusal != null) {
      opening.refused(refusal.message());
    } else if (ended.isFenced()) {
      opening.refused("volume " + name + " was taken over by another gateway");
    } else {
      opening.refused("the gateway stops");
    }
  }

  void onNodes(Reply.HeartbeatAck nodes) {
    if (state != State.GONE) {
      session.onNodes(nodes);
    }
  }

  /** What a request waits for that has waited long; null when there is none. */
  Query.VolumeWait longWait(long nowNanos) {
    long waitedNanos = state == State.GONE ? 0 : session.session().oldestRequestNanos(nowNanos);
    return waitedNanos < STALL_REPORT_NANOS
        ? null
        : new Query.VolumeWait(name, waitedNanos / 1_000_000_000L, session.session().waitReason());
  }

  /** What its clients did so far. */
  Query.VolumeActivity activity() {
    return meters.activity();
  }

  /** How far the mending of its chunks has come; null when there is nothing to mend. */
  Query.VolumeMend mend(long nowNanos) {
    return state == State.GONE ? null : mend.look(name, session.session(), nowNanos);
  }

  /** What was seen of chunks whose in-sync replicas are gone for good. */
  Stream<Query.VolumeLooks> looks(long nowNanos) {
    return state == State.GONE ? Stream.of() : session.looksAtLostChunks(nowNanos);
  }

  /** Nothing hangs without a reason that somebody can see: logs it, now and then. */
  void reportStall(long nowNanos) {
    if (state == State.GONE || nowNanos < stallReportNanos) {
      return;
    }
    long waitedNanos = session.session().oldestRequestNanos(nowNanos);
    if (waitedNanos >= STALL_REPORT_NANOS) {
      stallReportNanos = nowNanos + STALL_REPORT_AGAIN_NANOS;
      LOG.warn(
          "volume {}: a request waits for {} s\n{}",
          name,
          waitedNanos / 1_000_000_000L,
          session.session().describe());
    }
  }

  void onRecord(VolumeRecord record) {
    if (state == State.SERVING) {
      session.onRecord(record);
    }
  }
}
