package io.cairn.client.cli;

import io.cairn.metadata.command.Command.ScrubVolume;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.view.ClusterJson;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * {@code cairn volume scrub}: has a volume's replicas compared now, and waits for what is found.
 * The request is on record: whoever stops waiting changes nothing.
 */
@Command(
    name = "scrub",
    description =
        "Compares the checksums and versions of all replicas now, mends what differs, and waits for"
            + " the result. Exit code 1 when a block has no good copy.")
final class VolumeScrubCommand implements Callable<Integer> {
  private static final long ASK_MILLIS = 250;

  @Mixin private ClusterOptions options;

  @Parameters(paramLabel = "NAME", description = "The volume.")
  private String name;

  @Option(names = "--deep", description = "Also reads all data and compares it with its checksums.")
  private boolean deep;

  @Option(names = "--no-wait", description = "Asks for it and does not wait for its end.")
  private boolean noWait;

  @Override
  public Integer call() throws InterruptedException {
    try (ClusterCalls calls = options.connect()) {
      Reply.Volume before = calls.volume(name);
      Reply.Volume now = calls.changeVolume(new ScrubVolume(name, deep));
      long request = now.volume().scrubs().request();
      try (ProgressLine progress = new ProgressLine()) {
        while (!noWait && now.volume().scrubs().done() < request) {
          TimeUnit.MILLISECONDS.sleep(ASK_MILLIS);
          now = calls.volume(name);
          progress.show(ScrubText.line(now));
        }
      }
      Reply.Volume found = calls.volume(name);
      long mended = found.scrubs().mendedBlocks() - before.scrubs().mendedBlocks();
      options.print(
          ClusterJson.object()
              .put("name", name)
              .put("done", !noWait)
              .put("mendedBlocks", mended)
              .set("scrub", ClusterJson.scrubs(found)),
          out -> {
            if (noWait) {
              out.println(
                  "volume " + name + " is being scrubbed; 'cairn volume show' has the result");
            } else {
              out.println("volume " + name + ": " + mended + " copies of blocks mended");
              ScrubText.findings(found).forEach(out::println);
            }
          });
      return !noWait && found.scrubs().badBlocks() > 0 ? 1 : 0;
    }
  }
}
