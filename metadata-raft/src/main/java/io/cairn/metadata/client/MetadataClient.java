package io.cairn.metadata.client;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Submission;
import java.util.concurrent.CompletionStage;

/**
 * A client of the metadata group. It finds the leader, retries until the deadline that it was made
 * with, and applies each command once. Thread-safe; stages complete on the client's own threads, so
 * callers hand over to their loop.
 */
public interface MetadataClient extends AutoCloseable {
  /** Runs a command; fails with an {@code IOException} when no leader answered in time. */
  default CompletionStage<Reply> submit(Command command) {
    return submit(new Submission(command));
  }

  /**
   * The same for one that may be submitted again after such a failure. When more commands of this
   * client went out meanwhile than the group remembers, it is refused as {@link
   * Reply.ErrorCode#INVALID}: whether it was applied is forgotten then, and it never will be.
   */
  CompletionStage<Reply> submit(Submission submission);

  /** Runs a query on the leader; fails like {@link #submit}. */
  CompletionStage<Reply> query(Query query);

  @Override
  void close();
}
