package io.cairn.client.scsi;

import java.util.ArrayList;
import java.util.List;

/**
 * Keeps writes out of ranges in which a command reads, decides and writes (SBC-3 4.24.1). Writes
 * that came before need no care: a read of the volume waits for them. While no such command is
 * under way, a write costs one comparison.
 */
final class AtomicRanges {
  private record Waiting(long offset, long length, boolean atomic, Runnable granted) {}

  private final List<long[]> held = new ArrayList<>();
  private final List<Waiting> line = new ArrayList<>();

  /** Runs a write once no atomic command that came before it is in its way. */
  void write(long offset, long length, Runnable granted) {
    if (held.isEmpty()) {
      granted.run();
    } else {
      line.add(new Waiting(offset, length, false, granted));
      advance();
    }
  }

  /** Runs an atomic command once none before it is in its way; it must {@link #release}. */
  void enter(long offset, long length, Runnable granted) {
    line.add(new Waiting(offset, length, true, granted));
    advance();
  }

  void release(long offset, long length) {
    for (int i = 0; i < held.size(); i++) {
      if (held.get(i)[0] == offset && held.get(i)[1] == length) {
        held.remove(i);
        advance();
        return;
      }
    }
    throw new IllegalStateException("a range is released that nobody holds");
  }

  private void advance() {
    for (int i = 0; i < line.size(); ) {
      Waiting waiting = line.get(i);
      if (isBlocked(waiting, i)) {
        i++;
        continue;
      }
      line.remove(i);
      if (waiting.atomic) {
        held.add(new long[] {waiting.offset, waiting.length});
      }
      waiting.granted.run();
      i = 0;
    }
  }

  private boolean isBlocked(Waiting waiting, int place) {
    for (long[] range : held) {
      if (overlap(waiting, range[0], range[1])) {
        return true;
      }
    }
    for (int i = 0; i < place; i++) {
      if (line.get(i).atomic && overlap(waiting, line.get(i).offset, line.get(i).length)) {
        return true;
      }
    }
    return false;
  }

  private static boolean overlap(Waiting waiting, long offset, long length) {
    return waiting.offset < offset + length && offset < waiting.offset + waiting.length;
  }
}
