package io.cairn.bench.chaos.nemesis;

import io.cairn.client.cli.Role;
import java.util.EnumSet;
import java.util.Set;

/** What can happen to a server or to its host. */
public enum FaultKind {
  /** SIGKILL; a start later. */
  KILL(false, EnumSet.allOf(Role.class)),
  /** SIGTERM, as for a restart that was planned; a start once it has ended by itself. */
  RESTART(false, EnumSet.allOf(Role.class)),
  /** SIGSTOP; SIGCONT later: who comes back believes that no time has passed. */
  STOP(false, EnumSet.allOf(Role.class)),
  /** Stopped for nine tenths of the time, in short turns. */
  SLOW(false, EnumSet.allOf(Role.class)),
  /** SIGKILL, and the journal's memory is gone as with a machine's power; a start later. */
  POWER(false, EnumSet.of(Role.STORAGE)),
  /** The host's cable is pulled. */
  CUT(true, EnumSet.allOf(Role.class)),
  /** Packets from one host to another are lost, in one direction or both; others get theirs. */
  PART(true, EnumSet.allOf(Role.class)),
  /** Of the packets that a host sends and is sent, 5 to 35 % are lost. */
  LOSS(true, EnumSet.allOf(Role.class)),
  /** The node's file system for chunks is full. */
  FULL(true, EnumSet.of(Role.STORAGE)),
  /** SIGSTOP for good: its liveness fails, and it is killed and started again for that. */
  FREEZE(false, EnumSet.allOf(Role.class)),
  /**
   * A device of the node fails reads, writes, syncs or all of them; later the node is started
   * again, with the device emptied as a new one in every other case.
   */
  EIO(false, EnumSet.of(Role.STORAGE)),
  /** A device of the node does not return from calls for a while. */
  HANG(false, EnumSet.of(Role.STORAGE)),
  /** The time of day is set forward or back, by seconds or by days, and set right again later. */
  CLOCK(false, EnumSet.allOf(Role.class));

  private final boolean needsNamespaces;
  private final Set<Role> victims;

  FaultKind(boolean needsNamespaces, Set<Role> victims) {
    this.needsNamespaces = needsNamespaces;
    this.victims = victims;
  }

  /** As it is named on a command line. */
  public String argument() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }

  /** Whether it can only be played on hosts with networks and mounts of their own. */
  boolean needsNamespaces() {
    return needsNamespaces;
  }

  Set<Role> victims() {
    return victims;
  }
}
