package io.cairn.bench.check;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The real-time history of one cell (a part of a block that is always written as a whole), and the
 * proof that it is linearizable.
 *
 * <p>Every write carries a value of its own, so that each read names the write that it saw. For
 * such histories linearizability is decided by zones (Gibbons and Korach, 1997): the operations on
 * one value span a zone between the first end and the last begin; forward zones must not overlap,
 * and no backward zone lies within a forward one. Zeroes are not unique: a read of zeroes is only
 * checked for regularity, which is that some write of zeroes was not surely overwritten before it
 * began.
 *
 * <p>A total power loss opens a new era: what was acknowledged and not flushed may be gone (and the
 * choice may differ per cell), but all reads afterwards agree, and never on something older than
 * what was flushed (I7).
 */
public final class BlockHistory {
  private static final long NEVER = Long.MAX_VALUE;

  private final String name;
  private final List<Write> writes = new ArrayList<>();
  private final List<Read> reads = new ArrayList<>();
  private List<Write> survivors = List.of();
  private boolean firstEra = true;

  /**
   * An empty history: zeroes.
   *
   * @param name of the cell, for messages.
   */
  public BlockHistory(String name) {
    this.name = name;
  }

  /** A write under way or done. */
  public static final class Write {
    final long value;
    final long begin;
    long end = NEVER;
    boolean flushed;

    Write(long value, long begin) {
      this.value = value;
      this.begin = begin;
    }

    /** When it was issued. */
    public long begin() {
      return begin;
    }

    /** The write was acknowledged. */
    public void acknowledged(long time) {
      end = time;
    }

    /** Whether it was acknowledged. */
    public boolean isAcknowledged() {
      return end != NEVER;
    }

    /** A flush that began after the acknowledgement, or FUA, was answered. */
    public void flushed() {
      flushed = true;
    }
  }

  private record Read(long value, long begin, long end) {}

  private record Zone(long value, long low, long high, boolean forward) {}

  /** Begins a write; value 0 writes zeroes, any other value must be unique. */
  public Write write(long value, long time) {
    Write write = new Write(value, time);
    writes.add(write);
    return write;
  }

  /**
   * Whether the value may lie on a replica when a write is acknowledged: that write's own, or one
   * of a write that ran beside it or began since.
   */
  public boolean mayHold(long value, Write acknowledged) {
    for (Write write : writes) {
      if (write.value == value && write.end >= acknowledged.begin) {
        return true;
      }
    }
    return false;
  }

  /** A read that was answered. */
  public void read(long value, long begin, long end) {
    reads.add(new Read(value, begin, end));
  }

  /** Checks what happened up to a loss of every process, and opens a new era. */
  public void totalLoss() {
    check();
    List<Write> possible = new ArrayList<>();
    for (Write write : writes) {
      if (!superseded(write.end)) {
        possible.add(write);
      }
    }
    if (!superseded(Long.MIN_VALUE)) {
      if (firstEra) {
        possible.add(new Write(0, Long.MIN_VALUE));
      } else {
        possible.addAll(survivors);
      }
    }
    survivors = possible;
    firstEra = false;
    writes.clear();
    reads.clear();
  }

  private boolean superseded(long end) {
    for (Write other : writes) {
      if (other.flushed && end < other.begin) {
        return true;
      }
    }
    return false;
  }

  /** Throws when the history is not linearizable. */
  public void check() {
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
    return firstEra || survivors.isEmpty() ? 0 : survivors.getFirst().value;
  }

  /** After a loss, the first read that shows an old value settles which one survived. */
  private void pinSurvivor() {
    if (firstEra || survivors.size() <= 1) {
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
              + " was read after a total power loss, but what was flushed is newer");
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
            firstEra ? "I8" : "I7",
            name
                + ": read "
                + Long.toHexString(read.value())
                + " at "
                + read.begin()
                + ".."
                + read.end()
                + ", which nobody wrote here or which a later era forbids");
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
        firstEra ? "I4" : "I7",
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
