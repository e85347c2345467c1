package io.cairn.client.gateway;

import io.cairn.client.nbd.Exports;
import io.cairn.client.volume.MetadataCalls;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.netty.channel.EventLoop;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * The volumes of the cluster as exports. Opening one takes it: the gateway becomes its owner, in a
 * new generation, whoever owned it before. Looking at one does not.
 *
 * <p>A gateway that was fenced while clients used the volume does not take it back at once: clients
 * that connect again by themselves would throw two gateways out in turns for ever.
 */
final class VolumeExports implements Exports {
  /** How long a volume that was taken away under its clients cannot be opened here. */
  static final long HOLD_OFF_NANOS = 10_000_000_000L;

  /** How long a new connection waits for the metadata to tell the size of a volume that serves. */
  private static final long REFRESH_MILLIS = 1_000;

  /** Volumes that a heartbeat names as waiting: what makes many wait is seen from a few. */
  private static final int LONG_WAITS_MAX = 100;

  /** Volumes whose activity a heartbeat tells: each is some 150 bytes, every second. */
  private static final int ACTIVITIES_MAX = 200;

  private static final String SILENT = "the metadata does not answer";

  private final MetadataCalls metadata;
  private final EventLoop loop;
  private final Optional<String> defaultName;
  private final long lingerNanos;
  private final BiFunction<String, Long, LoopSession> sessions;
  private final Function<String, VolumeMeters> meters;
  private final Map<String, HostedVolume> volumes = new LinkedHashMap<>();
  private final Map<String, Long> heldOffUntil = new LinkedHashMap<>();

  /** Openings whose name is being looked up; one that is closed meanwhile leaves. */
  private final List<Opening> lookedUp = new ArrayList<>();

  private Consumer<String> beforeTaking = name -> {};
  private Runnable onEmpty;

  /**
   * The exports of one gateway.
   *
   * @param sessions makes the session of a volume, which takes it from the generation that is
   *     given, or from whatever it is for -1.
   */
  VolumeExports(
      MetadataCalls metadata,
      EventLoop loop,
      Optional<String> defaultName,
      long lingerNanos,
      BiFunction<String, Long, LoopSession> sessions,
      Function<String, VolumeMeters> meters) {
    this.metadata = metadata;
    this.loop = loop;
    this.defaultName = defaultName;
    this.lingerNanos = lingerNanos;
    this.sessions = sessions;
    this.meters = meters;
  }

  /** Hears the name of each volume just before it is taken for a client. */
  void beforeTaking(Consumer<String> listener) {
    beforeTaking = listener;
  }

  /** Whether the volume is here, or being opened. */
  boolean isHosted(String name) {
    return volumes.containsKey(name);
  }

  @Override
  public void list(Listing answer) {
    metadata.query(
        new Query.GetCluster(),
        (reply, now) -> {
          switch (reply) {
            case Reply.Cluster cluster -> answer.names(names(cluster));
            case Reply.Refused refused -> answer.refused(refused.message());
            case null, default -> answer.refused(SILENT);
          }
        });
  }

  private static List<String> names(Reply.Cluster cluster) {
    return cluster.volumes().stream().map(volume -> volume.volume().name()).toList();
  }

  @Override
  public void describe(String name, Description answer) {
    named(
        name,
        found ->
            metadata.query(
                new Query.GetVolume(found),
                (reply, now) -> {
                  HostedVolume hosted = volumes.get(found);
                  switch (reply) {
                    case Reply.Volume volume ->
                        answer.found(volume.volume().name(), volume.volume().sizeBytes());
                    case Reply.Refused refused -> answer.unknown(refused.message());
                    case null, default -> {
                      if (hosted != null && hosted.sizeBytes() >= 0) {
                        answer.found(found, hosted.sizeBytes());
                      } else {
                        answer.refused(SILENT);
                      }
                    }
                  }
                }),
        answer::unknown,
        answer);
  }

  @Override
  public void open(String name, long generation, Opening answer) {
    if (generation < 0) {
      open(name, answer);
    } else {
      // Whoever names a generation knows that the former owner does not come back for it.
      heldOffUntil.remove(name);
      lookedUp.add(answer);
      openNamed(name, generation, answer);
    }
  }

  @Override
  public void open(String name, Opening answer) {
    lookedUp.add(answer);
    named(
        name,
        found -> {
          if (lookedUp.contains(answer)) {
            refreshed(found, () -> openNamed(found, -1, answer));
          }
        },
        reason -> {
          if (lookedUp.remove(answer)) {
            answer.unknown(reason);
          }
        },
        reason -> {
          if (lookedUp.remove(answer)) {
            answer.refused(reason);
          }
        });
  }

  private void openNamed(String name, long generation, Opening answer) {
    if (!lookedUp.remove(answer)) {
      return;
    }
    long heldOffNanos = heldOffUntil.getOrDefault(name, Long.MIN_VALUE) - System.nanoTime();
    if (heldOffUntil.containsKey(name) && heldOffNanos > 0) {
      answer.refused(
          "volume "
              + name
              + " was taken over by another gateway; it can be opened here again in "
              + (heldOffNanos / 1_000_000_000L + 1)
              + " s");
      return;
    }
    heldOffUntil.remove(name);
    HostedVolume hosted = volumes.get(name);
    if (hosted == null) {
      hosted =
          new HostedVolume(
              name,
              seen -> sessions.apply(name, seen),
              meters.apply(name),
              loop,
              lingerNanos,
              this::gone);
      volumes.put(name, hosted);
      beforeTaking.accept(name);
      hosted.join(answer);
      hosted.start(generation);
    } else {
      hosted.join(answer);
    }
  }

  private void gone(HostedVolume volume, boolean fencedInUse) {
    volumes.remove(volume.name(), volume);
    if (fencedInUse) {
      heldOffUntil.put(volume.name(), System.nanoTime() + HOLD_OFF_NANOS);
    }
    if (volumes.isEmpty() && onEmpty != null) {
      onEmpty.run();
    }
  }

  /** Finds the default's name for the empty one. */
  private void named(
      String name, Consumer<String> then, Consumer<String> unknown, Refusal refused) {
    if (!name.isEmpty() || defaultName.isPresent()) {
      then.accept(name.isEmpty() ? defaultName.get() : name);
      return;
    }
    list(
        new Listing() {
          @Override
          public void names(List<String> names) {
            if (names.size() == 1) {
              then.accept(names.getFirst());
            } else {
              unknown.accept("there are " + names.size() + " volumes: name one");
            }
          }

          @Override
          public void refused(String reason) {
            refused.refused(reason);
          }
        });
  }

  /**
   * Runs the action once a volume that serves here has the size that the metadata says, or the
   * metadata had its time: connections go on without it.
   */
  private void refreshed(String name, Runnable action) {
    HostedVolume hosted = volumes.get(name);
    if (hosted == null) {
      action.run();
      return;
    }
    boolean[] ran = new boolean[1];
    Runnable once =
        () -> {
          if (!ran[0]) {
            ran[0] = true;
            action.run();
          }
        };
    var late = loop.schedule(once, REFRESH_MILLIS, TimeUnit.MILLISECONDS);
    metadata.query(
        new Query.GetVolume(name),
        (reply, now) -> {
          if (reply instanceof Reply.Volume volume) {
            hosted.onRecord(volume.volume());
          }
          late.cancel(false);
          once.run();
        });
  }

  /** Asks the metadata for the size of a volume that serves here; its session hears the answer. */
  void refresh(String name) {
    HostedVolume hosted = volumes.get(name);
    if (hosted != null) {
      metadata.query(
          new Query.GetVolume(name),
          (reply, now) -> {
            if (reply instanceof Reply.Volume volume) {
              hosted.onRecord(volume.volume());
            }
          });
    }
  }

  @Override
  public void close(Opening opening) {
    if (lookedUp.remove(opening)) {
      return;
    }
    for (HostedVolume volume : volumes.values()) {
      if (volume.leave(opening)) {
        return;
      }
    }
  }

  /** Where nodes are now. */
  void onNodes(Reply.HeartbeatAck nodes) {
    List.copyOf(volumes.values()).forEach(volume -> volume.onNodes(nodes));
  }

  /** Gives all volumes up, and runs the action when none is left. */
  void releaseAll(Runnable done) {
    onEmpty = done;
    if (volumes.isEmpty()) {
      done.run();
      return;
    }
    List.copyOf(volumes.values()).forEach(HostedVolume::close);
  }

  /** Gives up what could not be released in time. */
  void abandonAll() {
    List.copyOf(volumes.values()).forEach(HostedVolume::abandon);
  }

  /** Number of volumes that are here. */
  int count() {
    return volumes.size();
  }

  /** The volumes with requests that have waited long. */
  List<Query.VolumeWait> longWaits(long nowNanos) {
    return volumes.values().stream()
        .map(volume -> volume.longWait(nowNanos))
        .filter(Objects::nonNull)
        .limit(LONG_WAITS_MAX)
        .toList();
  }

  /** The volumes that have chunks out of sync, and how far their mending has come. */
  List<Query.VolumeMend> mends(long nowNanos) {
    return volumes.values().stream()
        .map(volume -> volume.mend(nowNanos))
        .filter(Objects::nonNull)
        .toList();
  }

  /** What was seen of chunks whose in-sync replicas are gone for good. */
  Stream<Query.VolumeLooks> looks(long nowNanos) {
    return volumes.values().stream().flatMap(volume -> volume.looks(nowNanos));
  }

  /** What the clients of the volumes did so far. */
  List<Query.VolumeActivity> activities() {
    return volumes.values().stream().map(HostedVolume::activity).limit(ACTIVITIES_MAX).toList();
  }

  /** Says what requests wait for that have waited long. */
  void reportStalls(long nowNanos) {
    volumes.values().forEach(volume -> volume.reportStall(nowNanos));
  }
}
