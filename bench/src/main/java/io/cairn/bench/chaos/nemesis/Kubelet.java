package io.cairn.bench.chaos.nemesis;

import io.cairn.bench.chaos.ChaosFailure;
import io.cairn.client.cli.Role;
import java.io.File;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Does with the servers what Kubernetes' agent on each host does with pods: asks the probes that
 * the manifests name, from the server's own host, when they say; notes who is ready when; and
 * restarts whose liveness fails. That must not happen to a process that runs, however slow it is
 * and whatever it has to recover or copy: then the run has failed.
 *
 * <p>A thread for each probe of each server; {@link #close} ends them.
 */
final class Kubelet implements AutoCloseable {
  private static final long PAUSE_MILLIS = 100;

  /** Asks as docker/image/cairn-ready does; success is what it is for Kubernetes. */
  private static final String GET =
      "exec 3<>\"/dev/tcp/$1/$2\" && printf 'GET %s HTTP/1.1\\r\\nHost: %s\\r\\n"
          + "Connection: close\\r\\n\\r\\n' \"$3\" \"$1\" >&3 && read -r _ status _ <&3"
          + " && [ \"$status\" -ge 200 ] && [ \"$status\" -lt 400 ]";

  /**
   * A time for which a server was not ready, in the sense of Kubernetes.
   *
   * @param endNanos Long.MAX_VALUE while it lasts.
   */
  record Unready(String server, long beginNanos, long endNanos) {}

  /** One server with what is known of it; guarded by itself. */
  private static final class Pod {
    final Server server;
    final PodSettings settings;
    final ProbeRow readiness;
    final ProbeRow liveness;
    final List<Unready> unready = new ArrayList<>();
    boolean ready;
    int restarts;

    Pod(Server server, PodSettings settings) {
      this.server = server;
      this.settings = settings;
      readiness = new ProbeRow(settings.readiness().failureThreshold());
      liveness = new ProbeRow(settings.liveness().failureThreshold());
      unready.add(new Unready(server.name(), System.nanoTime(), Long.MAX_VALUE));
    }

    synchronized void ready(boolean now) {
      if (now == ready) {
        return;
      }
      ready = now;
      long nowNanos = System.nanoTime();
      if (now) {
        Unready last = unready.removeLast();
        unready.add(new Unready(last.server(), last.beginNanos(), nowNanos));
      } else {
        unready.add(new Unready(server.name(), nowNanos, Long.MAX_VALUE));
      }
    }

    synchronized String line() {
      long now = System.nanoTime();
      double unreadySeconds = 0;
      // Its first start is none of it.
      for (Unready time : unready.subList(1, unready.size())) {
        unreadySeconds += (Math.min(now, time.endNanos()) - time.beginNanos()) / 1e9;
      }
      return String.format(
          Locale.ROOT,
          "  %-20s %9d %10.1f s %13d of %d %10d%n",
          server.name(),
          unready.size() - 1,
          unreadySeconds,
          liveness.longestAwake(),
          settings.liveness().failureThreshold(),
          restarts);
    }
  }

  private final List<Pod> pods = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private final Consumer<String> report;
  private volatile String finding;
  private volatile boolean stopped;

  /** Begins to ask; servers may be started before or after. */
  Kubelet(List<Server> servers, Map<Role, PodSettings> settings, Consumer<String> report) {
    this.report = report;
    for (Server server : servers) {
      Pod pod = new Pod(server, settings.get(server.role()));
      pods.add(pod);
      watch(pod, pod.settings.readiness(), pod.readiness);
      watch(pod, pod.settings.liveness(), pod.liveness);
    }
  }

  private void watch(Pod pod, PodSettings.Probe probe, ProbeRow row) {
    String name = pod.server.name() + " " + probe.path();
    threads.add(Thread.ofPlatform().daemon().name(name).start(() -> run(pod, probe, row)));
  }

  private void run(Pod pod, PodSettings.Probe probe, ProbeRow row) {
    int life = 0;
    long dueNanos = System.nanoTime();
    try {
      while (!stopped) {
        int now = pod.server.life();
        if (now != life) {
          life = now;
          dueNanos = System.nanoTime() + probe.initialDelay().toNanos();
          synchronized (pod) {
            row.restart();
          }
        }
        if (!pod.server.isAlive()) {
          // A container that ended is not ready, and its liveness is nobody's question.
          if (row == pod.readiness) {
            pod.ready(false);
          }
        } else if (System.nanoTime() - dueNanos >= 0) {
          dueNanos = System.nanoTime() + probe.period().toNanos();
          ask(pod, probe, row, life);
        }
        Thread.sleep(PAUSE_MILLIS);
      }
    } catch (InterruptedException e) {
      // The end of the run.
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      finding = "the probe " + probe.path() + " of " + pod.server.name() + ": " + e.getMessage();
    }
  }

  private void ask(Pod pod, PodSettings.Probe probe, ProbeRow row, int life)
      throws InterruptedException {
    boolean stoppedBefore = pod.server.isStopped();
    boolean success = succeeds(pod.server, probe);
    boolean stoppedThen = stoppedBefore || pod.server.isStopped();
    if (pod.server.life() != life || !pod.server.isAlive()) {
      return;
    }
    boolean hasFailed;
    boolean awake;
    synchronized (pod) {
      row.add(success, stoppedThen);
      hasFailed = row.hasFailed();
      awake = row.hasFailedAwake();
    }
    if (row == pod.readiness) {
      if (success || hasFailed) {
        pod.ready(success);
      }
    } else if (hasFailed) {
      restart(pod, life, awake);
    }
  }

  /** SIGTERM, the grace, SIGKILL, and a start. */
  private void restart(Pod pod, int life, boolean awake) throws InterruptedException {
    PodSettings.Probe probe = pod.settings.liveness();
    String text =
        "liveness of "
            + pod.server.name()
            + " failed "
            + probe.failureThreshold()
            + " times, each "
            + probe.period().toSeconds()
            + " s";
    if (awake) {
      finding = text + ", though its process ran: Kubernetes would restart it";
      return;
    }
    report.accept(text + ": it is restarted");
    synchronized (pod) {
      pod.restarts++;
    }
    pod.server.terminate();
    pod.server.awaitEnd(pod.settings.stopGrace());
    if (pod.server.isAlive()) {
      report.accept(
          pod.server.name()
              + " did not end in "
              + pod.settings.stopGrace().toSeconds()
              + " s: it is killed");
    }
    pod.server.restart(life);
  }

  private static boolean succeeds(Server server, PodSettings.Probe probe)
      throws InterruptedException {
    List<String> command = new ArrayList<>(server.host().prefix());
    command.addAll(List.of("timeout", "--signal=KILL", Long.toString(probe.timeout().toSeconds())));
    command.addAll(List.of("bash", "-c", GET, "probe", server.host().address()));
    command.addAll(List.of(Integer.toString(server.httpPort()), probe.path()));
    try {
      File nothing = new File("/dev/null");
      return new ProcessBuilder(command)
              .redirectInput(nothing)
              .redirectOutput(nothing)
              .redirectError(nothing)
              .start()
              .waitFor()
          == 0;
    } catch (IOException e) {
      throw new ChaosFailure("a probe cannot be asked", e);
    }
  }

  /** Throws when the liveness of a process failed that ran. */
  void check() {
    if (finding != null) {
      throw new ChaosFailure(finding);
    }
  }

  /** All times for which some server was not ready. */
  List<Unready> unready() {
    List<Unready> all = new ArrayList<>();
    for (Pod pod : pods) {
      synchronized (pod) {
        all.addAll(pod.unready);
      }
    }
    return all;
  }

  /** A line for each server. */
  String summary() {
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            "  %-20s %9s %12s %18s %10s%n",
            "server", "unready", "in all", "liveness failed", "restarts"));
    pods.forEach(pod -> text.append(pod.line()));
    return text.toString();
  }

  @Override
  public void close() {
    stopped = true;
    threads.forEach(Thread::interrupt);
    try {
      for (Thread thread : threads) {
        thread.join(Duration.ofSeconds(10));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
