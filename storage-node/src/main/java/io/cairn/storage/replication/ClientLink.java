package io.cairn.storage.replication;

import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import java.util.ArrayDeque;
import org.agrona.concurrent.UnsafeBuffer;

/** What the shard knows of one incoming link. */
final class ClientLink {
  /** A request that waits for room in the journal. */
  record Parked(UnsafeBuffer header, int length, Payload payload) {}

  final Link link;
  final ArrayDeque<Parked> parked = new ArrayDeque<>();
  long clientId;
  long connectionNumber;
  boolean greeted;

  /** Set when the link is gone or superseded: whatever still comes from it is dropped. */
  boolean dead;

  /** Highest position that an answered write of this link had. */
  long ackedLsn;

  /** Durable position that the client was last told. */
  long reportedDurableLsn;

  ClientLink(Link link) {
    this.link = link;
  }

  void die() {
    dead = true;
    for (Parked request : parked) {
      if (request.payload() != null) {
        request.payload().release();
      }
    }
    parked.clear();
  }
}
