package io.cairn.client.iscsi;

import io.cairn.storage.env.Payload;

/** Where a connection's PDUs go. */
public interface Output {
  /**
   * Queues a PDU. Its data segment's length stands in the header already.
   *
   * @param header copied before the call returns.
   * @param data the data segment without padding, or null; borrowed.
   */
  void send(Bhs header, Payload data);

  /** Ends the connection once what was queued has left. */
  void close();
}
