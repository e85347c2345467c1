package io.cairn.storage.replication;

import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import java.util.ArrayDeque;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** What the shard knows of one incoming link, and what the link may still ask of it. */
final class ClientLink {
  /** A request that waits for room in the journal. */
  record Parked(UnsafeBuffer header, int length, Payload payload) {
    int bytes() {
      return length + (payload == null ? 0 : payload.length());
    }
  }

  /** What all links of a shard have parked together. */
  static final class Backlog {
    long parkedBytes;

    /** Set when a link was told to wait: others' room may be what it waits for. */
    boolean someWait;
  }

  final Link link;
  private final ReplicaLimits limits;
  private final Backlog backlog;
  private final ArrayDeque<Parked> parked = new ArrayDeque<>();
  private long readBytes;
  private boolean waitsForReads;
  long clientId;
  long connectionNumber;
  boolean greeted;

  /** Set when the link is gone or superseded: whatever still comes from it is dropped. */
  boolean dead;

  /** Highest position that an answered write of this link had. */
  long ackedLsn;

  /** Durable position that the client was last told. */
  long reportedDurableLsn;

  ClientLink(Link link, ReplicaLimits limits, Backlog backlog) {
    this.link = link;
    this.limits = limits;
    this.backlog = backlog;
  }

  /** Whether the shard has room for another request of this link. */
  boolean takesMore() {
    if (readBytes >= limits.readBytesMax()) {
      waitsForReads = true;
      return false;
    }
    if (!parked.isEmpty() && backlog.parkedBytes >= limits.parkedBytesMax()) {
      backlog.someWait = true;
      return false;
    }
    return true;
  }

  void readBegun(int bytes) {
    readBytes += bytes;
  }

  void readEnded(int bytes) {
    readBytes -= bytes;
    if (waitsForReads && readBytes < limits.readBytesMax()) {
      waitsForReads = false;
      link.resume();
    }
  }

  boolean hasParked() {
    return !parked.isEmpty();
  }

  /** The request that must be executed next; stays parked until {@link #unpark}. */
  Parked firstParked() {
    return parked.peek();
  }

  /** Keeps a request; false when the link has too many. */
  boolean park(DirectBuffer header, int offset, int headerLength, Payload payload) {
    if (parked.size() >= limits.parkedMax()) {
      return false;
    }
    byte[] copy = new byte[headerLength];
    header.getBytes(offset, copy);
    if (payload != null) {
      payload.retain();
    }
    Parked request = new Parked(new UnsafeBuffer(copy), headerLength, payload);
    parked.add(request);
    backlog.parkedBytes += request.bytes();
    return true;
  }

  /** The first parked request was executed. */
  void unpark() {
    release(parked.remove());
  }

  private void release(Parked request) {
    backlog.parkedBytes -= request.bytes();
    if (request.payload() != null) {
      request.payload().release();
    }
  }

  void die() {
    dead = true;
    while (!parked.isEmpty()) {
      release(parked.remove());
    }
  }
}
