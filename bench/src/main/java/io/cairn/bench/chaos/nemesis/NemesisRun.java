package io.cairn.bench.chaos.nemesis;

import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.ChaosFailure;
import io.cairn.bench.chaos.IscsiSession;
import io.cairn.bench.chaos.NbdClient;
import io.cairn.bench.chaos.RecordedLoad;
import io.cairn.client.cli.Role;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.HdrHistogram.Histogram;

/**
 * One run: a cluster, its clients, and the nemesis, until the time is over or something is wrong.
 */
public final class NemesisRun implements AutoCloseable {
  private static final long SECOND = 1_000_000_000L;
  private static final Duration TICK = Duration.ofMillis(100);

  /** After so long without an answer a client turns to the other gateway. */
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  /** For everything to be whole again when a fault is over. */
  private static final Duration WHOLE = Duration.ofSeconds(120);

  /** Liveness takes its minutes to fail. */
  private static final Duration FREEZABLE = Duration.ofMinutes(5);

  private static final int VOLUME_MEBIBYTES = 192;
  private static final int BLOCKS = 2048;
  private static final int CHUNK_BLOCKS = 16 * 1024;
  private static final int READINGS = 6;

  /**
   * What to run.
   *
   * @param directory empty; the servers' data and logs.
   * @param namespaces whether this program runs in {@link Namespaces}.
   * @param time for which faults are played.
   * @param nodes storage nodes, 3 to 9.
   * @param volumes with a client each, 1 to 8.
   * @param initiators how many of the clients use iSCSI; the others NBD.
   * @param faults what may happen.
   * @param seed of all draws.
   * @param stallMax longest time that a volume may go without an answer.
   * @param page where the report is written.
   * @param image of which each server has a container; null for processes.
   */
  public record Settings(
      Path directory,
      boolean namespaces,
      Duration time,
      int nodes,
      int volumes,
      int initiators,
      Set<FaultKind> faults,
      long seed,
      Duration stallMax,
      Path page,
      String image) {}

  private final Settings settings;
  private final Network network;
  private final Map<Role, PodSettings> pods = PodSettings.ofTree();
  private final Servers servers;
  private final List<String> volumes = new ArrayList<>();
  private final List<RecordedLoad> loads = new ArrayList<>();
  private final Timeline timeline;
  private Nemesis nemesis;
  private Kubelet kubelet;
  private long lookedNanos;

  /** Makes the hosts. */
  public NemesisRun(Settings settings) throws IOException {
    this.settings = settings;
    if (settings.namespaces()) {
      Namespaces.endWithTheMaker();
    }
    network = settings.namespaces() ? Network.ofNamespaces() : Network.ofThisMachine();
    servers = new Servers(network, pods, settings.directory(), settings.nodes(), settings.image());
    for (int i = 1; i <= settings.volumes(); i++) {
      volumes.add("volume-" + i);
    }
    timeline = new Timeline(volumes);
  }

  /**
   * Runs it, prints what happens and writes the page.
   *
   * @return whether nothing was wrong.
   */
  public boolean play() throws IOException {
    String violation = null;
    try {
      kubelet = new Kubelet(servers.all(), pods, this::say);
      servers.start();
      nemesis = new Nemesis(servers, pods, playable(), settings.seed(), this::say);
      for (String volume : volumes) {
        servers.createVolume(volume, VOLUME_MEBIBYTES);
      }
      startLoads();
      playFaults();
      for (int i = 0; i < loads.size(); i++) {
        say(volumes.get(i) + ": " + loads.get(i).finish(READINGS));
      }
    } catch (RuntimeException e) {
      violation = String.valueOf(e.getMessage());
      say("FAILED: " + violation);
    }
    List<Fault> played = nemesis == null ? List.of() : nemesis.played();
    System.out.print(summary(played));
    List<Kubelet.Unready> unready = kubelet == null ? List.of() : kubelet.unready();
    if (kubelet != null) {
      System.out.print(kubelet.summary());
    }
    String page = new TimelinePage(timeline, played, unready, settings, violation).html();
    Files.writeString(settings.page(), page);
    System.out.println("timeline: " + settings.page());
    return violation == null;
  }

  /** The kinds of faults that can be played here. */
  private Set<FaultKind> playable() {
    Set<FaultKind> kinds = EnumSet.noneOf(FaultKind.class);
    for (FaultKind kind : settings.faults()) {
      if (!network.canCut() && kind.needsNamespaces()) {
        say("not played without namespaces: " + kind.argument());
      } else if (kind == FaultKind.FREEZE && settings.time().compareTo(FREEZABLE) < 0) {
        say("not played in less than " + FREEZABLE.toMinutes() + " minutes: freeze");
      } else {
        kinds.add(kind);
      }
    }
    if (kinds.isEmpty()) {
      throw new ChaosFailure("none of these faults can be played here: " + settings.faults());
    }
    return kinds;
  }

  private void startLoads() {
    for (int i = 0; i < volumes.size(); i++) {
      String volume = volumes.get(i);
      int gateway = i % Servers.GATEWAYS + 1;
      boolean initiator = i >= volumes.size() - settings.initiators();
      RecordedLoad load =
          new RecordedLoad(
              initiator ? servers.portals(gateway) : servers.exports(gateway),
              initiator
                  ? server -> IscsiSession.connect(server, volume)
                  : server -> NbdClient.connect(server, volume),
              volume,
              new RecordedLoad.Settings(
                  CHUNK_BLOCKS - BLOCKS / 2, BLOCKS, 8, 1000, settings.seed() * 31 + i));
      load.mayBreak(true);
      loads.add(load.start());
    }
    for (RecordedLoad load : loads) {
      load.awaitProgress(200, WHOLE);
      load.takeLatencies();
    }
    timeline.begin();
    lookedNanos = System.nanoTime();
  }

  private void playFaults() {
    try (Watch watch = new Watch(servers, volumes)) {
      long endNanos = System.nanoTime() + settings.time().toNanos();
      while (System.nanoTime() < endNanos) {
        nemesis.turn(watch.whole(nemesis.played()));
        look();
        for (Role role : Role.values()) {
          checkWhole(role, watch);
        }
        Await.pass(TICK);
      }
      nemesis.endAll();
      for (Role role : Role.values()) {
        while (!watch.whole(nemesis.played()).contains(role)) {
          look();
          checkWhole(role, watch);
          Await.pass(TICK);
        }
      }
      say("everything is whole again");
    } finally {
      nemesis.endAll();
    }
  }

  /** Whether the clients get on; what they saw goes on record once a second. */
  private void look() {
    kubelet.check();
    for (int i = 0; i < loads.size(); i++) {
      RecordedLoad load = loads.get(i);
      load.checkNoFailure();
      double silent = load.silentSeconds();
      observe(silent);
      if (silent > settings.stallMax().toMillis() / 1e3) {
        throw new ChaosFailure(
            String.format(
                Locale.ROOT,
                "no request of %s was answered for %.1f s; the bound is %.1f s",
                volumes.get(i),
                silent,
                settings.stallMax().toMillis() / 1e3));
      }
      if (load.turnFromSilence(PATIENCE)) {
        say("the client of " + volumes.get(i) + " turns to the other gateway");
      }
    }
    long now = System.nanoTime();
    if (now - lookedNanos >= SECOND) {
      double seconds = (now - lookedNanos) / 1e9;
      lookedNanos = now;
      for (int i = 0; i < loads.size(); i++) {
        Histogram latencies = loads.get(i).takeLatencies();
        long count = latencies.getTotalCount();
        double p99 = count == 0 ? 0 : latencies.getValueAtPercentile(99) / 1e3;
        double at = timeline.at(now);
        double silent = loads.get(i).silentSeconds();
        timeline.add(i, new Timeline.Second(at, count / seconds, p99, silent));
      }
    }
  }

  /** A silence is put down to what runs, or has just ended. */
  private void observe(double silentSeconds) {
    long now = System.nanoTime();
    for (Fault fault : nemesis.played()) {
      boolean over = fault.endNanos() != Long.MAX_VALUE;
      if (!over || now - fault.endNanos() < PATIENCE.toNanos()) {
        fault.observeSilence(Math.min(silentSeconds, (now - fault.beginNanos()) / 1e9));
      }
    }
  }

  private void checkWhole(Role role, Watch watch) {
    long last = Watch.lastEndNanos(role, nemesis.played());
    boolean mustBe =
        last != Long.MAX_VALUE
            && last != Long.MIN_VALUE
            && System.nanoTime() - last > WHOLE.toNanos();
    if (mustBe && !watch.whole(nemesis.played()).contains(role)) {
      throw new ChaosFailure(
          String.format(
              Locale.ROOT,
              "%s not whole within %d s of the last fault's end: %s",
              role.verb(),
              WHOLE.toSeconds(),
              servers.describe(role, volumes)));
    }
  }

  private static String summary(List<Fault> played) {
    Map<String, List<Double>> silences = new TreeMap<>();
    for (Fault fault : played) {
      String roles = String.join("/", fault.roles().stream().map(Role::verb).sorted().toList());
      silences
          .computeIfAbsent(fault.kind().argument() + " " + roles, key -> new ArrayList<>())
          .add(fault.worstSilenceSeconds());
    }
    StringBuilder text = new StringBuilder();
    text.append(
        String.format("  %-26s %6s %26s%n", "fault", "times", "longest silence: median, max"));
    silences.forEach(
        (name, values) -> {
          values.sort(null);
          text.append(
              String.format(
                  Locale.ROOT,
                  "  %-26s %6d %17.2f s %6.2f s%n",
                  name,
                  values.size(),
                  values.get(values.size() / 2),
                  values.getLast()));
        });
    return text.toString();
  }

  private void say(String text) {
    System.out.printf(Locale.ROOT, "  %6.1f %s%n", timeline.at(System.nanoTime()), text);
    System.out.flush();
  }

  @Override
  public void close() {
    loads.forEach(RecordedLoad::close);
    if (kubelet != null) {
      kubelet.close();
    }
    servers.close();
    network.close();
  }
}
