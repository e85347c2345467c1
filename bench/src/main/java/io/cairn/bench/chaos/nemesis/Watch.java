package io.cairn.bench.chaos.nemesis;

import io.cairn.client.cli.Role;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Asks the servers over and over, on a thread of its own, whether they can serve, and the metadata
 * whether all replicas are in sync: what is asked of hosts that are cut off takes its time.
 */
final class Watch implements AutoCloseable {
  private static final long PAUSE_MILLIS = 250;

  private final Servers servers;
  private final List<String> volumes;
  private final Thread thread;

  /** Begin of the newest round that found all servers of the role well. */
  private final Map<Role, Long> wholeNanos = new EnumMap<>(Role.class);

  private volatile boolean stopped;

  Watch(Servers servers, List<String> volumes) {
    this.servers = servers;
    this.volumes = volumes;
    thread = Thread.ofPlatform().daemon().name("watch").start(this::run);
  }

  private void run() {
    while (!stopped) {
      for (Role role : Role.values()) {
        long begin = System.nanoTime();
        if (isWhole(role)) {
          synchronized (this) {
            wholeNanos.put(role, begin);
          }
        }
      }
      try {
        Thread.sleep(PAUSE_MILLIS);
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  private boolean isWhole(Role role) {
    for (Server server : servers.of(role)) {
      if (!server.isReady()) {
        return false;
      }
    }
    return role != Role.STORAGE || volumes.stream().allMatch(servers::isInSync);
  }

  /** The roles that no fault hits now, and that were found well after the last one. */
  synchronized Set<Role> whole(List<Fault> faults) {
    Set<Role> whole = EnumSet.noneOf(Role.class);
    for (Role role : Role.values()) {
      if (wholeNanos.containsKey(role) && wholeNanos.get(role) > lastEndNanos(role, faults)) {
        whole.add(role);
      }
    }
    return whole;
  }

  /** When the last of the faults ended that hit the role. */
  static long lastEndNanos(Role role, List<Fault> faults) {
    long last = Long.MIN_VALUE;
    for (Fault fault : faults) {
      if (fault.roles().contains(role)) {
        last = Math.max(last, fault.endNanos());
      }
    }
    return last;
  }

  @Override
  public void close() {
    stopped = true;
    thread.interrupt();
  }
}
