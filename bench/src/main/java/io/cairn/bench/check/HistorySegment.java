package io.cairn.bench.check;

import io.cairn.bench.check.BlockHistory.Read;
import io.cairn.bench.check.BlockHistory.Write;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What happened to one cell between two losses. Linearizability of a history whose values are
 * unique is decided by zones (Gibbons and Korach, 1997): the operations on one value span a zone
 * between the first end and the last begin; forward zones must not overlap, and no backward zone
 * lies within a forward one. A read of zeroes is only checked for regularity, which is that some
 * write of zeroes was not surely overwritten before it began.
 */
final class HistorySegment {
  private static final long NEVER = BlockHistory.NEVER;

  private final String name;
  private final List<Write> writes;
  private final List<Read> reads;
  private final boolean first;

  /** What may have been there in the beginning; one of it was. */
  private List<Write> survivors;

  private record Zone(long value, long low, long high, boolean forward) {}

  /** The operations; null for survivors when nothing came before: zeroes. */
  HistorySegment(String name, List<Write> writes, List<Read> reads, List<Write> survivors) {
    this.name = name;
    this.writes = writes;
    this.reads = reads;
    this.first = survivors == null;
    this.survivors = first ? List.of() : survivors;
  }

  /** What may be left of the segment after a loss before the given generation. */
  List<Write> survivors(long lossyGeneration) {
    List<Write> possible = new ArrayList<>();
    for (Write write : writes) {
      if (!superseded(write.end, lossyGeneration)) {
        possible.add(write);
      }
    }
    if (!superseded(Long.MIN_VALUE, lossyGeneration)) {
      if (first) {
        possible.add(new Write(0, Long.MIN_VALUE, 0));
      } else {
        possible.addAll(survivors);
      }
    }
    return possible;
  }

  private boolean superseded(long end, long lossyGeneration) {
    for (Write other : writes) {
      if (other.flushedGeneration < lossyGeneration && end < other.begin) {
        return true;
      }
    }
    return false;
  }

  /** Throws when the history is not linearizable. */
  void check() {
    pinSurvivor();
    Map<Long, Write> byValue = new TreeMap<>();
    for (Write write : writes) {
      if (write.value != 0) {
        byValue.put(write.value, write);
      }
    }
    long initial = initialValue();
    List<Zone> zones = zones(byValue, initial);
    zones.sort(Comparator.comparingLong(Zone::low));
    Zone last = null;
    for (Zone zone : zones) {
      if (!zone.forward()) {
        continue;
      }
      if (last != null && zone.low() < last.high()) {
        throw stale(last, zone);
      }
      if (last == null || zone.high() > last.high()) {
        last = zone;
      }
    }
    for (Zone inner : zones) {
      if (inner.forward()) {
        continue;
      }
      for (Zone outer : zones) {
        if (outer.forward() && outer.low() < inner.low() && inner.high() < outer.high()) {
          throw stale(outer, inner);
        }
      }
    }
    for (Read read : reads) {
      if (read.value() == 0) {
        checkZeroRead(read, initial);
      }
    }
  }

  private InvariantViolation stale(Zone a, Zone b) {
    return new InvariantViolation(
        "I4",
        name
            + ": values "
            + Long.toHexString(a.value())
            + " and "
            + Long.toHexString(b.value())
            + " were seen in an order that time forbids: "
            + a
            + " and "
            + b
            + " "
            + describe(a.value())
            + describe(b.value()));
  }

  private String describe(long value) {
    StringBuilder text = new StringBuilder("\n  value " + Long.toHexString(value) + ":");
    for (Write write : writes) {
      if (write.value == value) {
        text.append(" write ")
            .append(write.begin)
            .append("..")
            .append(write.end == NEVER ? "?" : Long.toString(write.end));
      }
    }
    for (Read read : reads) {
      if (read.value() == value) {
        text.append(" read ").append(read.begin()).append("..").append(read.end());
      }
    }
    return text.toString();
  }

  private long initialValue() {
    return first || survivors.isEmpty() ? 0 : survivors.getFirst().value;
  }

  /** After a loss, the first read that shows an old value settles which one survived. */
  private void pinSurvivor() {
    if (first || survivors.size() <= 1) {
      return;
    }
    for (Read read : reads) {
      boolean own = false;
      for (Write write : writes) {
        own |= write.value == read.value();
      }
      if (own) {
        continue;
      }
      for (Write survivor : survivors) {
        if (survivor.value == read.value()) {
          survivors = List.of(survivor);
          return;
        }
      }
      throw new InvariantViolation(
          "I7",
          name
              + ": value "
              + Long.toHexString(read.value())
              + " was read after a power loss, but what was flushed, or read since, is another");
    }
  }

  private List<Zone> zones(Map<Long, Write> byValue, long initial) {
    Map<Long, long[]> bounds = new TreeMap<>();
    for (Write write : writes) {
      if (write.value != 0) {
        bounds.put(write.value, new long[] {write.end, write.begin});
      }
    }
    List<Zone> zones = new ArrayList<>();
    for (Write write : writes) {
      if (write.value == 0 && write.end != NEVER) {
        zones.add(new Zone(0, write.begin, write.end, false));
      }
    }
    if (initial != 0) {
      bounds.put(initial, new long[] {Long.MIN_VALUE, Long.MIN_VALUE});
    }
    for (Read read : reads) {
      if (read.value() == 0) {
        continue;
      }
      Write write = byValue.get(read.value());
      if (write == null && read.value() != initial) {
        throw new InvariantViolation(
            first ? "I8" : "I7",
            name
                + ": read "
                + Long.toHexString(read.value())
                + " at "
                + read.begin()
                + ".."
                + read.end()
                + ", which nobody wrote here or which was lost before");
      }
      if (write != null && read.end() < write.begin) {
        throw new InvariantViolation("I4", name + ": a value was read before it was written");
      }
      long[] bound = bounds.get(read.value());
      bound[0] = Math.min(bound[0], read.end());
      bound[1] = Math.max(bound[1], read.begin());
    }
    bounds.forEach(
        (value, bound) -> {
          if (bound[0] < bound[1]) {
            zones.add(new Zone(value, bound[0], bound[1], true));
          } else if (bound[0] != NEVER) {
            zones.add(new Zone(value, bound[1], bound[0], false));
          }
        });
    return zones;
  }

  private void checkZeroRead(Read read, long initial) {
    boolean zeroesSurvived = initial == 0;
    for (Write survivor : survivors) {
      zeroesSurvived |= survivor.value == 0;
    }
    if (zeroesSurvived && !surelyOverwritten(Long.MIN_VALUE, read)) {
      return;
    }
    for (Write write : writes) {
      if (write.value == 0 && write.begin <= read.end() && !surelyOverwritten(write.end, read)) {
        return;
      }
    }
    throw new InvariantViolation(
        first ? "I4" : "I7",
        name
            + ": zeroes were read at "
            + read.begin()
            + ".."
            + read.end()
            + ", which a write had overwritten before");
  }

  private boolean surelyOverwritten(long end, Read read) {
    for (Write other : writes) {
      if (other.value != 0 && end < other.begin && other.end < read.begin()) {
        return true;
      }
    }
    return false;
  }
}
