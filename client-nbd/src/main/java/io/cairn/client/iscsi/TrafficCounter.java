package io.cairn.client.iscsi;

/** Counts what the commands of one session moved. */
final class TrafficCounter {
  private long reads;
  private long readBytes;
  private long writes;
  private long writtenBytes;

  /** A command ended; nothing is counted for one that moved nothing. */
  void ended(boolean wrote, long movedBytes) {
    if (movedBytes > 0 && wrote) {
      writes++;
      writtenBytes += movedBytes;
    } else if (movedBytes > 0) {
      reads++;
      readBytes += movedBytes;
    }
  }

  Sessions.Traffic now() {
    return new Sessions.Traffic(reads, readBytes, writes, writtenBytes);
  }
}
