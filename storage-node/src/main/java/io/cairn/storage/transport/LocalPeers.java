package io.cairn.storage.transport;

/** How a process reaches those on its own host that it could reach by TCP as well. */
public enum LocalPeers {
  /** As all others. */
  BY_TCP,

  /** By Unix sockets. */
  BY_SOCKETS,

  /**
   * By Unix sockets, and the large payloads of its writes are not sent but lent: the peer reads
   * them in this process's memory.
   */
  LENDING
}
