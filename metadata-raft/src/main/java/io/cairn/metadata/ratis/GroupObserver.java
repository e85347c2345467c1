package io.cairn.metadata.ratis;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;

/**
 * Hears what happens in one server of the group. Called on the group's threads, some under the lock
 * of its state: implementations return at once and call nothing back.
 */
public interface GroupObserver {
  /** This server leads, and has applied all that was committed before. */
  void onLeading();

  /** The recorded state names the cluster; called when it is loaded and when it is first set. */
  void onClusterId(long clusterId);

  /** A command was applied; not called for those that come again after a restart. */
  void onCommand(Command command, Reply reply, long nanos);

  /** A query was answered. */
  void onQuery(Query query, long nanos);

  /** A snapshot was written. */
  void onSnapshot(long sizeBytes, long nanos);

  /** A snapshot could not be written; the server goes on and tries again later. */
  void onSnapshotFailure(Exception cause);

  /**
   * Files were not what was written to them; the server mends that by itself from other files of
   * its own.
   *
   * @param what was wrong and what is done about it, in one line.
   */
  void onDamage(String what);

  /**
   * The server cannot go on, such as after its log could not be written; it only can be closed. May
   * be called several times; the first cause is the one that counts.
   */
  void onFailure(Throwable cause);
}
