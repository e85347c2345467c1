package io.cairn.metadata.ratis;

import java.io.IOException;
import org.apache.ratis.io.CorruptedFileException;
import org.apache.ratis.protocol.exceptions.ChecksumException;

/** Tells a log that is not what was written from everything else that keeps Ratis from a start. */
final class LogDamage {
  private LogDamage() {}

  /** The failure as a {@link LostLogException}, if it is one; else as it came. */
  static IOException of(Exception failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof LostLogException lost) {
        return lost;
      }
      if (cause instanceof ChecksumException
          || cause instanceof CorruptedFileException
          || isUnreadableVote(cause)) {
        return new LostLogException("its log is damaged: " + cause.getMessage(), failure);
      }
    }
    if (failure instanceof RuntimeException unexpected) {
      throw unexpected;
    }
    return failure instanceof IOException known ? known : new IOException(failure);
  }

  /** Term and vote are a file of properties; Ratis has no type for one that is none. */
  private static boolean isUnreadableVote(Throwable cause) {
    return cause instanceof IOException
        && cause.getMessage() != null
        && cause.getMessage().startsWith("Failed to load ")
        && cause.getMessage().endsWith("raft-meta");
  }
}
