package io.cairn.client.scsi;

import java.util.Arrays;

/** Ports of a unit that are always active. */
public final class ActivePorts implements TargetPorts {
  /** A unit with one port. */
  public static final TargetPorts ONE = new ActivePorts(1);

  private final int[] numbers;

  ActivePorts(int... numbers) {
    this.numbers = numbers;
  }

  @Override
  public State state() {
    return State.ACTIVE;
  }

  @Override
  public void wanted(Runnable decided) {
    decided.run();
  }

  @Override
  public void report(Report answer) {
    answer.ports(Arrays.stream(numbers).mapToObj(one -> new Port(one, State.ACTIVE)).toList());
  }
}
