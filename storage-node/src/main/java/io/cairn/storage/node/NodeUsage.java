package io.cairn.storage.node;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;

/**
 * What the shards said of themselves last. Asked for with each heartbeat, so that a reader of the
 * metrics never waits for a loop.
 */
final class NodeUsage {
  private static final long ANSWER_MILLIS = 2_000;

  private final List<ShardLoop> shards;
  private volatile List<ShardLoop.Usage> last;

  NodeUsage(List<ShardLoop> shards) {
    this.shards = shards;
    this.last =
        shards.stream()
            .map(
                s ->
                    new ShardLoop.Usage(
                        0, 0, -1, 0, 0, 0, false, Map.of(), List.of(), CacheSizes.NONE))
            .toList();
  }

  ShardLoop.Usage of(int shard) {
    return last.get(shard);
  }

  List<ShardLoop.Usage> all() {
    return last;
  }

  /** Asks all shards; a loop that does not answer keeps its last word. */
  void refresh() throws InterruptedException {
    last = ask(ShardLoop::usage, last);
  }

  /** Asks each shard on its loop. */
  <T> List<T> ask(Function<ShardLoop, T> question, List<T> otherwise) throws InterruptedException {
    List<Future<T>> asked =
        shards.stream().<Future<T>>map(s -> s.loop().submit(() -> question.apply(s))).toList();
    List<T> answers = new java.util.ArrayList<>();
    for (int i = 0; i < asked.size(); i++) {
      try {
        answers.add(asked.get(i).get(ANSWER_MILLIS, TimeUnit.MILLISECONDS));
      } catch (ExecutionException | TimeoutException e) {
        answers.add(otherwise.get(i));
      }
    }
    return List.copyOf(answers);
  }
}
