package io.cairn.client.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.volume.ScrubVerdict.Copy;
import io.cairn.client.volume.ScrubVerdict.Outcome;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * What is done with a block, over every combination of what up to three replicas may know of it.
 */
class ScrubVerdictTest {
  private static final int KINDS = 8;

  /** Of two versions, two checksums, readable or not. */
  private static Copy copy(int bit, int kind) {
    return new Copy(bit, 1 + (kind & 1), 10 + (kind >> 1 & 1), (kind & 4) != 0);
  }

  private static List<List<Copy>> all() {
    List<List<Copy>> all = new ArrayList<>();
    for (int a = 0; a < KINDS; a++) {
      all.add(List.of(copy(0, a)));
      for (int b = 0; b < KINDS; b++) {
        all.add(List.of(copy(0, a), copy(1, b)));
        for (int c = 0; c < KINDS; c++) {
          all.add(List.of(copy(0, a), copy(1, b), copy(2, c)));
        }
      }
    }
    return all;
  }

  @Test
  void onlyReadableCopiesOfTheNewestVersionAreEverASource() {
    for (List<Copy> copies : all()) {
      ScrubVerdict verdict = ScrubVerdict.of(copies);
      long newest = copies.stream().mapToLong(Copy::version).max().orElseThrow();
      int good = 0;
      for (Copy copy : copies) {
        if ((verdict.sourceMask() & 1 << copy.bit()) != 0) {
          assertTrue(copy.readable() && copy.version() == newest, copies.toString());
          assertEquals(verdict.crc(), copy.crc(), copies.toString());
          good++;
        }
      }
      assertEquals(copies.size() - good, verdict.badCopies(), copies.toString());
      assertEquals(verdict.outcome() == Outcome.BAD, good == 0, copies.toString());
      assertEquals(verdict.outcome() == Outcome.GOOD, good == copies.size(), copies.toString());
    }
  }

  @Test
  void whereReadableCopiesOfTheNewestVersionDifferMostDecideOrNobody() {
    for (List<Copy> copies : all()) {
      long newest = copies.stream().mapToLong(Copy::version).max().orElseThrow();
      long[] readable = new long[2];
      long[] known = new long[2];
      for (Copy copy : copies) {
        if (copy.version() == newest) {
          readable[copy.crc() - 10] += copy.readable() ? 1 : 0;
          known[copy.crc() - 10]++;
        }
      }
      ScrubVerdict verdict = ScrubVerdict.of(copies);
      if (readable[0] > 0 && readable[1] > 0) {
        boolean most = 2 * Math.max(known[0], known[1]) > copies.size();
        assertEquals(most, verdict.outcome() == Outcome.MEND, copies.toString());
      } else if (readable[0] + readable[1] > 0) {
        assertNotEquals(Outcome.BAD, verdict.outcome(), copies.toString());
      }
    }
  }
}
