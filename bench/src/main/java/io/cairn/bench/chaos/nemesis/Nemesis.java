package io.cairn.bench.chaos.nemesis;

import io.cairn.bench.chaos.ChaosFailure;
import io.cairn.bench.chaos.Trees;
import io.cairn.client.cli.Role;
import io.cairn.storage.device.DeviceFaults;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Draws faults from a seed and plays them. Two at a time at most, never on two servers of one role:
 * then a volume of three copies must go on, and it is a finding when it does not. The draws depend
 * on the seed only; what they meet depends on the machine.
 */
final class Nemesis {
  private static final int AT_ONCE = 2;
  private static final long SECOND = 1_000_000_000L;
  private static final int LONGEST_SECONDS = 12;
  private static final int PAUSE_SECONDS = 4;

  /** Clocks are wrong by so much at most: a minute, a day, a year. */
  private static final List<Long> CLOCK_MOST_MILLIS =
      List.of(60_000L, 86_400_000L, 31_536_000_000L);

  private static final int LOSS_MIN_PERCENT = 5;
  private static final int LOSS_MAX_PERCENT = 35;
  private static final long FILL_MAX_BYTES = 4L << 30;

  private final Servers servers;
  private final Map<Role, PodSettings> pods;
  private final List<FaultKind> kinds;
  private final Random random;
  private final Consumer<String> report;
  private final List<Fault> running = new ArrayList<>();
  private final List<Fault> played = new ArrayList<>();
  private Fault drawn;
  private long nextNanos;

  /**
   * A nemesis.
   *
   * @param pods what Kubernetes is told of each role.
   * @param kinds what it may do.
   */
  Nemesis(
      Servers servers,
      Map<Role, PodSettings> pods,
      Set<FaultKind> kinds,
      long seed,
      Consumer<String> report) {
    this.servers = servers;
    this.pods = pods;
    this.kinds = List.copyOf(kinds);
    this.random = new Random(seed);
    this.report = report;
    nextNanos = System.nanoTime();
  }

  /** All faults that have begun, in order. */
  List<Fault> played() {
    return played;
  }

  /** Those that are not over. */
  List<Fault> running() {
    return running;
  }

  /**
   * Ends what is due, and begins what was drawn once everything that it would hit is whole.
   *
   * @param whole the roles whose servers all can serve.
   */
  void turn(Set<Role> whole) {
    long nowNanos = System.nanoTime();
    for (Fault fault : List.copyOf(running)) {
      if (fault.isDue(nowNanos)) {
        end(fault);
      }
    }
    if (drawn == null && nowNanos >= nextNanos) {
      drawn = draw();
    }
    if (drawn != null && running.size() < AT_ONCE && whole.containsAll(drawn.roles())) {
      Fault fault = drawn;
      drawn = null;
      report.accept(fault.text());
      running.add(fault);
      played.add(fault);
      fault.begin(nowNanos);
      nextNanos = nowNanos + random.nextInt(PAUSE_SECONDS * 1000) * 1_000_000L;
    }
  }

  /** Ends all of them. */
  void endAll() {
    drawn = null;
    List.copyOf(running).forEach(this::end);
  }

  private void end(Fault fault) {
    running.remove(fault);
    fault.end(System.nanoTime());
    report.accept("end of " + fault.text());
  }

  private Fault draw() {
    FaultKind kind = kinds.get(random.nextInt(kinds.size()));
    List<Server> victims =
        servers.all().stream().filter(server -> kind.victims().contains(server.role())).toList();
    Server victim = victims.get(random.nextInt(victims.size()));
    long length = SECOND / 2 + random.nextLong(LONGEST_SECONDS * SECOND);
    return switch (kind) {
      case KILL -> fault(kind, victim, length, victim::kill, victim::start);
      case STOP -> fault(kind, victim, length, victim::stop, victim::goOn);
      case RESTART -> restart(victim, length);
      case FREEZE -> freeze(victim);
      case SLOW -> slow(victim, length);
      case POWER -> fault(kind, victim, length, () -> losePower(victim), victim::start);
      case CUT ->
          fault(
              kind,
              victim,
              length,
              () -> servers.network().cut(victim.host()),
              () -> servers.network().join(victim.host()));
      case PART -> part(victim, victims, length);
      case LOSS -> loss(victim, length);
      case FULL -> fault(kind, victim, length, () -> fill(victim), () -> makeRoom(victim));
      case EIO -> failing(victim, length);
      case HANG -> {
        Path device = drawDevice(victim);
        String line = List.of("hang", "hang sync", "hang read").get(random.nextInt(3));
        yield fault(kind, victim, length, () -> play(device, line), () -> stopPlaying(device));
      }
      case CLOCK -> {
        long most = CLOCK_MOST_MILLIS.get(random.nextInt(CLOCK_MOST_MILLIS.size()));
        long offsetMillis = random.nextLong(-most, most + 1);
        yield new Fault(
            kind,
            victim.name() + " by " + offsetMillis / 1000 + " s",
            EnumSet.of(victim.role()),
            length,
            () -> victim.setClock(offsetMillis),
            () -> victim.setClock(0));
      }
    };
  }

  private Path drawDevice(Server victim) {
    List<Path> devices = servers.devices(victim.host());
    return devices.get(random.nextInt(devices.size()));
  }

  /** A device that failed is used again only by another life of the process. */
  private Fault failing(Server victim, long length) {
    Path device = drawDevice(victim);
    String line = List.of("eio", "eio sync", "eio write", "eio read").get(random.nextInt(4));
    boolean replaced = random.nextBoolean();
    return fault(
        FaultKind.EIO,
        victim,
        length,
        () -> play(device, line),
        () -> {
          victim.kill();
          stopPlaying(device);
          if (replaced) {
            replace(device);
          }
          victim.start();
        });
  }

  private void play(Path device, String line) {
    report.accept("  " + line + " on " + device.getFileName());
    try {
      Files.writeString(device.resolve(DeviceFaults.FILE), line);
    } catch (IOException e) {
      throw new ChaosFailure(device + " cannot be made to fail", e);
    }
  }

  private static void stopPlaying(Path device) {
    try {
      Files.deleteIfExists(device.resolve(DeviceFaults.FILE));
    } catch (IOException e) {
      throw new ChaosFailure(device + " cannot be made well again", e);
    }
  }

  /** Another device in its place, which is empty. */
  private void replace(Path device) {
    report.accept("  an empty device in the place of " + device.getFileName());
    try (Stream<Path> entries = Files.list(device)) {
      for (Path entry : entries.toList()) {
        Trees.delete(entry);
      }
    } catch (IOException e) {
      throw new ChaosFailure(device + " cannot be emptied", e);
    }
  }

  private static Fault fault(
      FaultKind kind, Server victim, long length, Fault.Act begin, Fault.Act end) {
    return new Fault(kind, victim.name(), EnumSet.of(victim.role()), length, begin, end);
  }

  /** It ends in the time that Kubernetes gives it, or would be killed in the middle of its work. */
  private Fault restart(Server victim, long length) {
    Duration grace = pods.get(victim.role()).stopGrace();
    return new Fault(
        FaultKind.RESTART,
        victim.name(),
        EnumSet.of(victim.role()),
        length,
        victim::terminate,
        () -> {
          endsBy(victim, grace);
          victim.start();
        },
        () -> !victim.isAlive() || victim.terminatedFor().compareTo(grace) > 0);
  }

  private static void endsBy(Server victim, Duration grace) {
    try {
      victim.awaitEnd(grace.minus(victim.terminatedFor()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ChaosFailure("interrupted", e);
    }
    if (victim.isAlive()) {
      throw new ChaosFailure(
          victim.name()
              + " did not end within "
              + grace.toSeconds()
              + " s of SIGTERM, its terminationGracePeriodSeconds:\n"
              + victim.logTail());
    }
  }

  private Fault freeze(Server victim) {
    int[] life = new int[1];
    long[] beginNanos = new long[1];
    PodSettings pod = pods.get(victim.role());
    Duration limit = pod.liveness().worst().plus(pod.stopGrace()).plusSeconds(10);
    return new Fault(
        FaultKind.FREEZE,
        victim.name(),
        EnumSet.of(victim.role()),
        0,
        () -> {
          life[0] = victim.life();
          beginNanos[0] = System.nanoTime();
          victim.stop();
        },
        () -> victim.restart(life[0]),
        () -> {
          if (System.nanoTime() - beginNanos[0] > limit.toNanos()) {
            throw new ChaosFailure(victim.name() + " was not restarted by its liveness probe");
          }
          return victim.life() != life[0];
        });
  }

  private Fault loss(Server victim, long length) {
    int percent = LOSS_MIN_PERCENT + random.nextInt(LOSS_MAX_PERCENT - LOSS_MIN_PERCENT + 1);
    Network network = servers.network();
    return new Fault(
        FaultKind.LOSS,
        victim.name() + " of " + percent + " %",
        EnumSet.of(victim.role()),
        length,
        () -> network.lose(victim.host(), percent),
        () -> network.loseNone(victim.host(), percent));
  }

  private void losePower(Server victim) {
    victim.kill();
    Path memory = servers.journalMemory(victim.host());
    try {
      Trees.delete(memory);
      Files.createDirectories(memory);
    } catch (IOException e) {
      throw new ChaosFailure(memory + " cannot be emptied", e);
    }
  }

  private Fault slow(Server victim, long length) {
    Process[] stutter = new Process[1];
    return fault(
        FaultKind.SLOW,
        victim,
        length,
        () -> stutter[0] = stutter(victim.pid()),
        () -> {
          stutter[0].destroyForcibly();
          stutter[0].onExit().join();
          victim.goOn();
        });
  }

  private static Process stutter(long pid) {
    String loop =
        "while kill -STOP %1$d; do sleep 0.09; kill -CONT %1$d; sleep 0.01; done".formatted(pid);
    try {
      return new ProcessBuilder("sh", "-c", loop).redirectError(new File("/dev/null")).start();
    } catch (IOException e) {
      throw new ChaosFailure("sh cannot be started", e);
    }
  }

  private Fault part(Server one, List<Server> all, long length) {
    List<Server> others = all.stream().filter(server -> server != one).toList();
    Server other = others.get(random.nextInt(others.size()));
    boolean both = random.nextBoolean();
    Network network = servers.network();
    return new Fault(
        FaultKind.PART,
        one.name() + (both ? " and " : " to ") + other.name(),
        EnumSet.of(one.role(), other.role()),
        length,
        () -> {
          network.block(one.host(), other.host());
          if (both) {
            network.block(other.host(), one.host());
          }
        },
        () -> {
          network.unblock(one.host(), other.host());
          if (both) {
            network.unblock(other.host(), one.host());
          }
        });
  }

  private Path ballast(Server victim) {
    return servers.capacity(victim.host(), 1).resolve("ballast");
  }

  /** To the last page: the node writes meanwhile, so how much is free cannot be asked before. */
  private void fill(Server victim) {
    Path ballast = ballast(victim);
    ByteBuffer zeroes = ByteBuffer.allocateDirect(1 << 20);
    try (FileChannel file =
        FileChannel.open(ballast, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      for (long written = 0; written < FILL_MAX_BYTES; ) {
        written += file.write(zeroes.clear());
      }
      throw new ChaosFailure(ballast + " is not on a small file system");
    } catch (IOException e) {
      if (!String.valueOf(e.getMessage()).contains("No space left on device")) {
        throw new ChaosFailure(ballast + " cannot be made", e);
      }
    }
  }

  private void makeRoom(Server victim) {
    try {
      Files.deleteIfExists(ballast(victim));
    } catch (IOException e) {
      throw new ChaosFailure(ballast(victim) + " cannot be removed", e);
    }
  }
}
