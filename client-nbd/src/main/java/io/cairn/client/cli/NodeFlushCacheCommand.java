package io.cairn.client.cli;

import io.cairn.metadata.command.Command.FlushCache;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.options.Durations;
import io.cairn.metadata.options.Sizes;
import io.cairn.metadata.view.ClusterJson;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code cairn node flush-cache}: has a node destage what its journals hold, and waits for that.
 * What the operator wants is on record, as with a drain: it outlives this command and restarts of
 * the node, until it is ended.
 */
@Command(
    name = "flush-cache",
    description =
        "Destages what the journals of a node hold to its capacity tier, and waits until that is"
            + " done. From then on the node destages at once whatever is written, and the rest when"
            + " it is stopped, until --end. Ending the command does not end the flush.")
final class NodeFlushCacheCommand implements Callable<Integer> {
  private static final long ASK_MILLIS = 500;

  /** Nodes restart: one that is down for so many looks is not on its way back. */
  private static final int ROUNDS_DOWN = 20;

  @Mixin private ClusterOptions options;
  @Spec private picocli.CommandLine.Model.CommandSpec spec;

  @Parameters(paramLabel = "NODE", description = "Id or name of the node.")
  private String node;

  @Option(
      names = "--wait",
      paramLabel = "T",
      defaultValue = "1h",
      converter = DurationConverter.class,
      description =
          "How long to wait, like 90s or 10m; the flush goes on. Default: ${DEFAULT-VALUE}")
  private Duration patience;

  @Option(names = "--end", description = "Destages as usual again.")
  private boolean end;

  @Option(names = "--no-wait", description = "Begins the flush and does not wait for it.")
  private boolean noWait;

  @Override
  public Integer call() throws InterruptedException {
    if (end && noWait) {
      throw new ParameterException(spec.commandLine(), "--end waits for nothing: leave --no-wait");
    }
    try (ClusterCalls calls = options.connect()) {
      NodeRecord found = NodeNames.find(calls.cluster(), node);
      calls.change(new FlushCache(found.nodeId(), !end));
      boolean flushed = !end && !noWait;
      if (flushed) {
        await(calls, found);
      }
      options.print(
          ClusterJson.object()
              .put("id", found.nodeId())
              .put("name", found.name())
              .put("flushing", !end)
              .put("flushed", flushed),
          out ->
              out.println(
                  "node "
                      + found.name()
                      + (end
                          ? " destages as usual again"
                          : flushed
                              ? " has destaged its journals, and destages at once what is written"
                                  + " until 'cairn node flush-cache "
                                  + node
                                  + " --end'"
                              : " destages its journals")));
      return 0;
    }
  }

  private void await(ClusterCalls calls, NodeRecord flushed) throws InterruptedException {
    long endNanos = System.nanoTime() + patience.toNanos();
    int down = 0;
    try (ProgressLine progress = new ProgressLine()) {
      while (true) {
        Reply.NodeStatus status = calls.node(flushed.nodeId());
        if (status == null) {
          throw new CommandFailure("node " + flushed.name() + " was removed");
        }
        if (!status.node().flushing()) {
          throw new CommandFailure(
              "node " + flushed.name() + " is not to be flushed any more: somebody ended it");
        }
        if (status.up() && status.flushLeftBytes() != null && status.flushLeftBytes() == 0) {
          return;
        }
        down = status.up() ? 0 : down + 1;
        if (down == ROUNDS_DOWN) {
          throw new CommandFailure(
              "node " + flushed.name() + " is down; it is flushed when it is back");
        }
        if (System.nanoTime() - endNanos >= 0) {
          throw new CommandFailure(late(status));
        }
        progress.show(flushed.name() + ": " + (status.up() ? left(status) : "down, to be flushed"));
        TimeUnit.MILLISECONDS.sleep(ASK_MILLIS);
      }
    }
  }

  private String late(Reply.NodeStatus status) {
    return "node "
        + status.node().name()
        + " is not flushed after "
        + Durations.format(patience)
        + " ("
        + left(status)
        + (status.trouble() == null ? "" : "; " + status.trouble())
        + "); the flush goes on: run the command again to wait on";
  }

  /** How far a flush is, in words; for a node that is to be flushed. */
  static String left(Reply.NodeStatus status) {
    if (status.flushLeftBytes() == null) {
      return "not begun";
    }
    return status.flushLeftBytes() == 0
        ? "flushed"
        : Sizes.format(status.flushLeftBytes()) + " left";
  }
}
