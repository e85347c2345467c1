package io.cairn.client.volume;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Submission;

/**
 * The session's way to the metadata. Answers come back on the session's loop, exactly once each.
 */
public interface MetadataCalls {
  /** Runs a command, applied once however often it is retried underneath. */
  default void submit(Command command, Answer answer) {
    submit(new Submission(command), answer);
  }

  /** The same for one that is submitted again when its outcome was not known. */
  void submit(Submission submission, Answer answer);

  /** Runs a linearizable query. */
  void query(Query query, Answer answer);

  /** Hears the answer. */
  interface Answer {
    /** The reply, or null when no leader answered in time: the outcome is not known then. */
    void on(Reply reply, long nowNanos);
  }
}
