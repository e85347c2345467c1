package io.cairn.client.gateway;

import io.cairn.client.volume.MetadataCalls;
import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Submission;
import io.netty.channel.EventLoop;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Supplier;

/**
 * The metadata client for callers on an event loop. The client may block while it connects, so it
 * is called elsewhere; its answers come back on the loop.
 */
final class LoopMetadata implements MetadataCalls {
  private final MetadataClient client;
  private final Executor caller;
  private final EventLoop loop;

  /**
   * Calls.
   *
   * @param caller runs the client's calls; may block.
   */
  LoopMetadata(MetadataClient client, Executor caller, EventLoop loop) {
    this.client = client;
    this.caller = caller;
    this.loop = loop;
  }

  @Override
  public void submit(Submission submission, Answer answer) {
    ask(() -> client.submit(submission), answer);
  }

  @Override
  public void query(Query query, Answer answer) {
    ask(() -> client.query(query), answer);
  }

  private void ask(Supplier<CompletionStage<Reply>> question, Answer answer) {
    try {
      caller.execute(
          () -> {
            try {
              var unused =
                  question
                      .get()
                      .whenComplete(
                          (reply, failure) -> hand(failure == null ? reply : null, answer));
            } catch (RuntimeException e) {
              hand(null, answer);
            }
          });
    } catch (RejectedExecutionException e) {
      hand(null, answer);
    }
  }

  private void hand(Reply reply, Answer answer) {
    try {
      loop.execute(() -> answer.on(reply, System.nanoTime()));
    } catch (RejectedExecutionException e) {
      // The loop has ended, and with it everybody who could be told.
    }
  }
}
