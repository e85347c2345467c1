package io.cairn.client.cli;

import io.cairn.metadata.command.Command.ResizeCache;
import io.cairn.metadata.model.CacheWish;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.options.Sizes;
import io.cairn.metadata.view.ClusterJson;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code cairn node resize-cache}: has the cache tier of a node grow or shrink while it is in use.
 * The wish is on record, and outlives restarts of the node.
 */
@Command(
    name = "resize-cache",
    description =
        "Has the journals and read caches of a node grow or shrink while they are in use, whatever"
            + " the node's options say, until --as-configured. A journal shrinks as it is destaged."
            + " 'cairn node show' says how far it is, and what stands in the way.")
final class NodeResizeCacheCommand implements Callable<Integer> {
  @Mixin private ClusterOptions options;
  @Spec private picocli.CommandLine.Model.CommandSpec spec;

  @Parameters(paramLabel = "NODE", description = "Id or name of the node.")
  private String node;

  @Option(
      names = "--journal",
      paramLabel = "SIZE",
      converter = SizeConverter.class,
      description = "Size of each shard's journal, like 4GiB; at least four segments.")
  private Long journal;

  @Option(
      names = "--read-cache",
      paramLabel = "SIZE",
      converter = SizeConverter.class,
      description =
          "Size of each shard's read cache, like 100GiB. Whether there is one at all is said by"
              + " the node's read.cache.size, at a start.")
  private Long readCache;

  @Option(
      names = "--as-configured",
      description = "Both are as the node's options say again, before what else is given counts.")
  private boolean asConfigured;

  @Override
  public Integer call() {
    if (journal == null && readCache == null && !asConfigured) {
      throw new ParameterException(
          spec.commandLine(), "nothing is to change: give --journal, --read-cache, or both");
    }
    try (ClusterCalls calls = options.connect()) {
      NodeRecord found = NodeNames.find(calls.cluster(), node);
      CacheWish before = asConfigured ? CacheWish.NONE : found.wish();
      CacheWish wish =
          new CacheWish(
              journal == null ? before.journalBytes() : journal,
              readCache == null ? before.readCacheBytes() : readCache);
      calls.change(new ResizeCache(found.nodeId(), wish));
      options.print(
          ClusterJson.object()
              .put("id", found.nodeId())
              .put("name", found.name())
              .put("wantedJournalBytes", wish.journalBytes())
              .put("wantedReadCacheBytes", wish.readCacheBytes()),
          out -> out.println("node " + found.name() + " is to have " + text(found, wish)));
      return 0;
    }
  }

  /** What the tier is to be, for people. */
  static String text(NodeRecord node, CacheWish wish) {
    return node.shardCount()
        + (node.shardCount() == 1 ? " shard with a journal " : " shards, each with a journal ")
        + size(wish.journalBytes())
        + " and a read cache "
        + size(wish.readCacheBytes());
  }

  private static String size(Long bytes) {
    return bytes == null ? "as configured" : "of " + Sizes.format(bytes);
  }
}
