package io.cairn.storage.transport;

import io.netty.channel.EventLoop;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SingleThreadIoEventLoop;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An event loop that runs actions at the end of its present turn: after all sockets that were ready
 * and all tasks, before it waits again. What one turn brought leaves together then; nothing waits
 * longer for it. Unlike a task such an action allocates nothing.
 */
public final class TurnLoop extends SingleThreadIoEventLoop {
  private static final Logger LOG = LoggerFactory.getLogger(TurnLoop.class);

  private final List<Runnable> turnEnd = new ArrayList<>();

  private TurnLoop(Group group, Executor executor, IoHandlerFactory handlers) {
    super(group, executor, handlers);
  }

  /**
   * Runs the action at the end of the loop's present turn; called on the loop.
   *
   * @param loop one of another kind runs it as a task.
   */
  public static void atTurnEnd(EventLoop loop, Runnable action) {
    if (loop instanceof TurnLoop turns && turns.inEventLoop()) {
      turns.turnEnd.add(action);
    } else {
      loop.execute(action);
    }
  }

  @Override
  protected void afterRunningAllTasks() {
    super.afterRunningAllTasks();
    // Actions may add others.
    for (int i = 0; i < turnEnd.size(); i++) {
      try {
        turnEnd.get(i).run();
      } catch (RuntimeException e) {
        LOG.error("an action at the end of a turn failed", e);
      }
    }
    turnEnd.clear();
  }

  /** Makes such loops. */
  public static final class Group extends MultiThreadIoEventLoopGroup {
    /**
     * Loops on daemon threads.
     *
     * @param name of the threads.
     */
    public Group(int loops, String name, IoHandlerFactory handlers) {
      super(loops, new DefaultThreadFactory(name, true), handlers);
    }

    @Override
    protected IoEventLoop newChild(
        Executor executor, IoHandlerFactory handlers, Object... arguments) {
      return new TurnLoop(this, executor, handlers);
    }
  }
}
