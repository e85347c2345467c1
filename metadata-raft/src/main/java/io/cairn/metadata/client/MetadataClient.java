package io.cairn.metadata.client;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import java.util.concurrent.CompletionStage;

/**
 * A client of the metadata group. It finds the leader, retries until the deadline that it was made
 * with, and applies each command once. Thread-safe; stages complete on the client's own threads, so
 * callers hand over to their loop.
 */
public interface MetadataClient extends AutoCloseable {
  /** Runs a command; fails with an {@code IOException} when no leader answered in time. */
  CompletionStage<Reply> submit(Command command);

  /** Runs a query on the leader; fails like {@link #submit}. */
  CompletionStage<Reply> query(Query query);

  @Override
  void close();
}
