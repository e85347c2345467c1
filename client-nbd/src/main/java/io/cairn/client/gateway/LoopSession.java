package io.cairn.client.gateway;

import io.cairn.client.volume.MetadataCalls;
import io.cairn.client.volume.SessionSettings;
import io.cairn.client.volume.VolumeIo;
import io.cairn.client.volume.VolumeSession;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Submission;
import io.cairn.metadata.model.ReplicaLook;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.transport.TurnLoop;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.agrona.DirectBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A volume session on an event loop: everything that enters it passes here, so that its timer is
 * set anew afterwards, once for all that one turn of the loop brought, and so that a broken
 * invariant ends this session loudly and nothing else.
 */
final class LoopSession implements VolumeIo {
  private static final Logger LOG = LoggerFactory.getLogger(LoopSession.class);

  private final String name;
  private final EventLoop loop;
  private final VolumeSession session;
  private final Runnable arm = this::arm;
  private final Runnable fire = this::fire;
  private final Runnable onTimer = this::onTimer;
  private boolean armPending;
  private long armedNanos = Long.MAX_VALUE;
  private Future<?> timer;

  LoopSession(
      SessionSettings settings,
      String name,
      MetadataCalls metadata,
      Dialer dialer,
      Payloads payloads,
      EventLoop loop) {
    this.name = name;
    this.loop = loop;
    session =
        new VolumeSession(
            settings, name, new Calls(metadata), new Links(dialer), payloads, System::nanoTime);
  }

  VolumeSession session() {
    return session;
  }

  /**
   * What the session saw of chunks whose in-sync replicas are gone for good; nothing if none are.
   */
  Stream<Query.VolumeLooks> looksAtLostChunks(long nowNanos) {
    List<ReplicaLook> looks = session.mending().looksAtLostChunks(nowNanos);
    return looks.isEmpty()
        ? Stream.of()
        : Stream.of(new Query.VolumeLooks(name, session.generation(), looks));
  }

  void start(Runnable serving, Runnable over) {
    enter(() -> session.start(serving, over, System.nanoTime()));
  }

  void release() {
    enter(() -> session.release(System.nanoTime()));
  }

  boolean keep() {
    boolean[] kept = new boolean[1];
    enter(() -> kept[0] = session.keep(System.nanoTime()));
    return kept[0];
  }

  void abandon() {
    enter(() -> session.abandon(System.nanoTime()));
  }

  void onNodes(Reply.HeartbeatAck ack) {
    enter(() -> session.onNodes(ack.nodes(), ack.away(), ack.awayShards(), System.nanoTime()));
    ack.reshaped().forEach(this::onRecord);
    List<Reply.WantedMove> moves =
        ack.moves().stream().filter(move -> move.volume().equals(name)).toList();
    enter(() -> session.mending().onMovesWanted(moves, System.nanoTime()));
  }

  void onRecord(VolumeRecord volume) {
    enter(() -> session.onRecord(volume, System.nanoTime()));
  }

  private void enter(Runnable action) {
    try {
      action.run();
    } catch (RuntimeException e) {
      broken(e);
    } finally {
      touched();
    }
  }

  /** What it promises it can no longer keep: better no volume than a wrong one. */
  private void broken(RuntimeException e) {
    LOG.error("volume {}: the session broke and ends here\n{}", name, session.describe(), e);
    if (!session.isOver()) {
      try {
        session.abandon(System.nanoTime());
      } catch (RuntimeException again) {
        LOG.error("volume {}: and could not end", name, again);
      }
    }
  }

  private void touched() {
    if (!armPending) {
      armPending = true;
      TurnLoop.atTurnEnd(loop, arm);
    }
  }

  /** A later deadline needs no new timer: the present one finds nothing to do and sets it. */
  private void arm() {
    armPending = false;
    long next = session.nextDeadlineNanos();
    if (next >= armedNanos) {
      return;
    }
    if (timer != null) {
      timer.cancel(false);
    }
    armedNanos = next;
    long now = System.nanoTime();
    // What is due since ever stands as Long.MIN_VALUE: no difference may be taken with it.
    long delayNanos = next <= now ? 0 : next - now;
    timer = loop.schedule(fire, delayNanos, TimeUnit.NANOSECONDS);
  }

  private void fire() {
    armedNanos = Long.MAX_VALUE;
    timer = null;
    enter(onTimer);
  }

  private void onTimer() {
    session.onTimer(System.nanoTime());
  }

  /** The session's calls, whose answers enter it. */
  private final class Calls implements MetadataCalls {
    private final MetadataCalls metadata;

    Calls(MetadataCalls metadata) {
      this.metadata = metadata;
    }

    @Override
    public void submit(Submission submission, Answer answer) {
      metadata.submit(submission, (reply, now) -> enter(() -> answer.on(reply, now)));
    }

    @Override
    public void query(Query query, Answer answer) {
      metadata.query(query, (reply, now) -> enter(() -> answer.on(reply, now)));
    }
  }

  /** The session's links, whose frames enter it. */
  private final class Links implements Dialer {
    private final Dialer dialer;

    Links(Dialer dialer) {
      this.dialer = dialer;
    }

    @Override
    public void connect(String host, int port, Handler handler) {
      dialer.connect(host, port, new Guarded(handler));
    }

    @Override
    public void connect(String host, int port, int shard, Handler handler) {
      dialer.connect(host, port, shard, new Guarded(handler));
    }
  }

  /** One link of the session. */
  private final class Guarded implements Dialer.Handler {
    private final Dialer.Handler handler;

    Guarded(Dialer.Handler handler) {
      this.handler = handler;
    }

    @Override
    public void onOpen(Link link, long nowNanos) {
      enter(() -> handler.onOpen(link, nowNanos));
    }

    @Override
    public void onFrame(
        DirectBuffer header, int offset, int headerLength, Payload payload, long nowNanos) {
      try {
        handler.onFrame(header, offset, headerLength, payload, nowNanos);
      } catch (RuntimeException e) {
        broken(e);
      } finally {
        touched();
      }
    }

    @Override
    public void onRefused(long nowNanos) {
      enter(() -> handler.onRefused(nowNanos));
    }

    @Override
    public void onClosed(long nowNanos) {
      enter(() -> handler.onClosed(nowNanos));
    }
  }

  @Override
  public long sizeBytes() {
    return session.sizeBytes();
  }

  @Override
  public int chunkSizeBytes() {
    return session.chunkSizeBytes();
  }

  @Override
  public void read(long offsetBytes, int lengthBytes, ReadCallback sink) {
    try {
      session.read(offsetBytes, lengthBytes, sink);
    } catch (RuntimeException e) {
      broken(e);
    } finally {
      touched();
    }
  }

  @Override
  public void write(long offsetBytes, Payload payload, boolean fua, Callback done) {
    try {
      session.write(offsetBytes, payload, fua, done);
    } catch (RuntimeException e) {
      broken(e);
    } finally {
      touched();
    }
  }

  @Override
  public void zero(
      long offsetBytes, long lengthBytes, boolean mayPunch, boolean fua, Callback done) {
    enter(() -> session.zero(offsetBytes, lengthBytes, mayPunch, fua, done));
  }

  @Override
  public void flush(Callback done) {
    enter(() -> session.flush(done));
  }

  @Override
  public void extents(long offsetBytes, long lengthBytes, ExtentsCallback sink) {
    enter(() -> session.extents(offsetBytes, lengthBytes, sink));
  }
}
