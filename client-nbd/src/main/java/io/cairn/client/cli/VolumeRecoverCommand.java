package io.cairn.client.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cairn.metadata.command.Command.RecoverVolume;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.LostChunk;
import io.cairn.metadata.view.ClusterJson;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * {@code cairn volume recover}: names what is lost when the last in-sync replicas of chunks are
 * gone for good, and goes on with what is left once an operator says so.
 */
@Command(
    name = "recover",
    description =
        "Names what is lost of a volume when the last in-sync replicas of chunks are gone for good,"
            + " with their nodes or their devices, and changes nothing; exit code 1 when something"
            + " is. With --accept-data-loss it makes the best replica that lives the current one.")
final class VolumeRecoverCommand implements Callable<Integer> {
  private static final long ASK_MILLIS = 250;

  /** Gateways look again when they hear of a node that is gone, and tell with their heartbeats. */
  private static final long LOOK_NANOS = 15_000_000_000L;

  @Mixin private ClusterOptions options;

  @Parameters(paramLabel = "NAME", description = "The volume.")
  private String name;

  @Option(
      names = "--accept-data-loss",
      description = "Gives up what is named without it. Connections to the volume are ended.")
  private boolean accepted;

  @Override
  public Integer call() throws InterruptedException {
    try (ClusterCalls calls = options.connect()) {
      Reply.Losses losses = looked(calls);
      List<LostChunk> lost = losses.chunks();
      if (accepted && !lost.isEmpty()) {
        for (LostChunk chunk : lost) {
          if (!chunk.mayBeGivenUp()) {
            throw new CommandFailure(LossText.lost(losses.volume(), chunk));
          }
        }
        calls.changeVolume(
            new RecoverVolume(
                name,
                losses.volume().generation(),
                System.currentTimeMillis(),
                lost.stream().map(LostChunk::bestChoice).toList()));
      }
      ObjectNode json = ClusterJson.losses(losses).put("recovered", accepted ? lost.size() : 0);
      options.print(json, out -> print(losses, out));
      return accepted || lost.isEmpty() ? 0 : 1;
    }
  }

  /** Waits until gateways have looked at everything that can be reached, for a while. */
  private Reply.Losses looked(ClusterCalls calls) throws InterruptedException {
    long deadlineNanos = System.nanoTime() + LOOK_NANOS;
    Reply.Losses losses = calls.losses(name);
    while (losses.chunks().stream().anyMatch(chunk -> !chunk.unseenNodes().isEmpty())
        && losses.chunks().stream().allMatch(chunk -> chunk.mayReturnNodes().isEmpty())
        && System.nanoTime() < deadlineNanos) {
      TimeUnit.MILLISECONDS.sleep(ASK_MILLIS);
      losses = calls.losses(name);
    }
    return losses;
  }

  private void print(Reply.Losses losses, PrintWriter out) {
    if (losses.chunks().isEmpty()) {
      out.println("volume " + name + ": every chunk has an in-sync replica that can be reached");
      return;
    }
    losses.chunks().forEach(chunk -> out.println(LossText.lost(losses.volume(), chunk)));
    if (accepted) {
      out.println(
          losses.chunks().size()
              + " chunks go on from these replicas; 'cairn volume show "
              + name
              + "' keeps the record");
    } else if (losses.chunks().stream().allMatch(LostChunk::mayBeGivenUp)) {
      out.println(
          "nothing was changed. What the lost replicas had beyond these is lost; to go on without:"
              + " cairn volume recover "
              + name
              + " --accept-data-loss");
    }
  }
}
