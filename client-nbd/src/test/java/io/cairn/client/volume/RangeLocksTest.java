package io.cairn.client.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RangeLocksTest {
  private final RangeLocks locks = new RangeLocks();
  private final List<String> granted = new ArrayList<>();

  private RangeLocks.Claim claim(String name, int block, int count, boolean exclusive) {
    RangeLocks.Claim claim = new RangeLocks.Claim(block, count, exclusive, () -> granted.add(name));
    locks.acquire(claim);
    return claim;
  }

  @Test
  void readsShareWritesExclude() {
    RangeLocks.Claim first = claim("read 1", 0, 8, false);
    RangeLocks.Claim second = claim("read 2", 4, 8, false);
    claim("write", 7, 1, true);
    assertEquals(List.of("read 1", "read 2"), granted);
    locks.release(first);
    assertEquals(2, granted.size());
    locks.release(second);
    assertEquals("write", granted.getLast());
  }

  @Test
  void aReadBehindAWaitingWriteDoesNotOvertakeIt() {
    RangeLocks.Claim reading = claim("read 1", 0, 1, false);
    RangeLocks.Claim writing = claim("write", 0, 1, true);
    claim("read 2", 0, 1, false);
    locks.release(reading);
    assertEquals(List.of("read 1", "write"), granted);
    locks.release(writing);
    assertEquals("read 2", granted.getLast());
  }

  @Test
  void disjointWritesRunTogether() {
    claim("write 1", 0, 4, true);
    claim("write 2", 4, 4, true);
    assertEquals(2, granted.size());
  }

  @Test
  void aClaimIsReleasedOnce() {
    RangeLocks.Claim claim = claim("read", 0, 1, false);
    locks.release(claim);
    assertTrue(locks.isEmpty());
    assertThrows(IllegalStateException.class, () -> locks.release(claim));
  }
}
