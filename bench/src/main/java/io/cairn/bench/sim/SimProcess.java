package io.cairn.bench.sim;

import java.util.ArrayDeque;
import java.util.Queue;

/**
 * One process of the cluster: it lives, stalls (SIGSTOP: what arrives waits and then comes all at
 * once) and dies; each life has a number.
 */
final class SimProcess {
  private final String name;
  private final int number;
  private final Queue<Runnable> held = new ArrayDeque<>();
  private int life;
  private boolean up;
  private boolean stalled;

  SimProcess(String name, int number) {
    this.name = name;
    this.number = number;
  }

  String name() {
    return name;
  }

  /** Position in the network's tables. */
  int number() {
    return number;
  }

  int life() {
    return life;
  }

  boolean isUp() {
    return up;
  }

  boolean isStalled() {
    return stalled;
  }

  boolean isLife(int number) {
    return up && life == number;
  }

  void start() {
    life++;
    up = true;
    stalled = false;
  }

  void die() {
    up = false;
    stalled = false;
    held.clear();
  }

  void stall() {
    stalled = true;
  }

  void resume() {
    stalled = false;
    int current = life;
    while (!held.isEmpty() && !stalled && isLife(current)) {
      held.poll().run();
    }
  }

  void run(Runnable action) {
    if (stalled) {
      held.add(action);
    } else {
      action.run();
    }
  }
}
