package io.cairn.client.scsi;

import java.util.HashMap;
import java.util.Map;

/**
 * The units of one gateway, between which EXTENDED COPY copies; all on one loop. An initiator
 * reaches those into which it has logged in through this gateway: so it copies nothing that it may
 * not read, and nowhere where it may not write.
 */
public final class CopyUnits {
  private final Map<Long, LogicalUnit> byNaa = new HashMap<>();

  /** Adds a unit, which finds the others from now on. */
  public void add(LogicalUnit unit) {
    byNaa.put(unit.naa(), unit);
    unit.copiesTo(this);
  }

  /** The end of a copy at the unit of that name; null when the initiator cannot reach it. */
  CopyEnd find(long naa, Nexus manager) {
    LogicalUnit unit = byNaa.get(naa);
    return unit == null ? null : unit.copyEnd(manager);
  }
}
