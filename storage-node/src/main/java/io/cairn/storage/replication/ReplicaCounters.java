package io.cairn.storage.replication;

import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Status;

/** What one shard has done, as plain numbers; written on the loop, read by metrics at any time. */
public final class ReplicaCounters {
  private final long[] requests = new long[MessageType.REQUEST_MAX + 1];
  private final long[] refusals = new long[Status.values().length];
  long badFrames;
  long writtenBytes;
  long readBytes;
  long catchUpBlocks;
  long catchUps;
  long catchUpFailures;
  long givenBack;

  void request(int type) {
    requests[type]++;
  }

  void refusal(Status status) {
    refusals[status.code()]++;
  }

  /** Requests of a type that were taken. */
  public long requests(int type) {
    return requests[type];
  }

  /** Requests that ended with a status other than OK. */
  public long refusals(Status status) {
    return refusals[status.code()];
  }

  /** Frames that closed their link. */
  public long badFrames() {
    return badFrames;
  }

  /** Bytes of the payloads of writes that were stored; repeated ones are not counted again. */
  public long writtenBytes() {
    return writtenBytes;
  }

  /** Bytes of the payloads of reads that were answered, those for other replicas included. */
  public long readBytes() {
    return readBytes;
  }

  /** Blocks copied from other replicas. */
  public long catchUpBlocks() {
    return catchUpBlocks;
  }

  /** Chunks that went to the trash as they were not the node's own any more. */
  public long givenBack() {
    return givenBack;
  }

  /** Catch-ups that ended well. */
  public long catchUps() {
    return catchUps;
  }

  /** Catch-ups that ended otherwise. */
  public long catchUpFailures() {
    return catchUpFailures;
  }
}
