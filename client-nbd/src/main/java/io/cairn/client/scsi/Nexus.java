package io.cairn.client.scsi;

import java.util.ArrayDeque;
import java.util.Deque;

/** One I_T nexus of a logical unit, SAM-5 4.6: an initiator port on our one target port. */
public final class Nexus {
  /** Unit attentions that wait for one initiator; more of them tell nothing new. */
  private static final int ATTENTIONS_MAX = 8;

  /** The commands of a nexus, kept by whoever carries them. */
  public interface TaskSet {
    /** Aborts all commands; runs the action when none of them can have an effect any more. */
    void abortTasks(Runnable ended);
  }

  private final String portName;
  private final TaskSet tasks;
  private final Deque<Sense> attentions = new ArrayDeque<>();

  Nexus(String portName, TaskSet tasks) {
    this.portName = portName;
    this.tasks = tasks;
  }

  /** The initiator port's name, SPC-4 7.6.4.6: name of the initiator, and its ISID. */
  String portName() {
    return portName;
  }

  TaskSet tasks() {
    return tasks;
  }

  void attention(Sense sense) {
    if (!attentions.contains(sense) && attentions.size() < ATTENTIONS_MAX) {
      attentions.add(sense);
    }
  }

  /** Takes the oldest unit attention, or null. */
  Sense takeAttention() {
    return attentions.poll();
  }

  /** A reset says more than what happened before it. */
  void resetAttention(Sense sense) {
    attentions.clear();
    attentions.add(sense);
  }
}
