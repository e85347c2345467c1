package io.cairn.client.cli;

import io.cairn.metadata.client.MetadataClient;
import java.time.Duration;
import java.util.List;

/** How a verb gets its metadata client. */
@FunctionalInterface
interface MetadataConnector {
  /**
   * Connects to the group.
   *
   * @param addresses HOST:PORT of some or all servers, at least one.
   * @param deadline how long a call may look for the leader.
   * @throws CommandFailure when no server is there.
   */
  MetadataClient connect(List<String> addresses, Duration deadline);
}
