package io.cairn.client.nbd;

import io.cairn.storage.env.Payload;
import org.agrona.DirectBuffer;

/** Where a connection's bytes go. */
public interface Output {
  /**
   * Queues bytes.
   *
   * @param header copied before the call returns.
   * @param payload bytes behind it, or null; borrowed.
   */
  void send(DirectBuffer header, int length, Payload payload);

  /** Ends the connection once what was queued has left. */
  void close();
}
