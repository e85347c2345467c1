package io.cairn.client.volume;

import java.util.List;

/**
 * What is to be done with one block, from what all in-sync replicas know of it and whether they can
 * read it, while nobody writes it.
 *
 * <pre>
 * all equal and readable                               -> GOOD
 * newest version readable somewhere, with one checksum -> MEND from there
 * ... with several checksums, one of which most have   -> MEND from those
 * otherwise                                            -> BAD: there is nothing to mend it from
 * </pre>
 *
 * <p>Only the newest version counts, readable or not: an older block that is readable is not what
 * was acknowledged, and never takes the newer one's place.
 *
 * @param outcome what is to be done.
 * @param sourceMask bits of the replicas that the good block may be read from.
 * @param crc of the good block.
 * @param badCopies replicas whose copy is not the good one.
 */
record ScrubVerdict(Outcome outcome, int sourceMask, int crc, int badCopies) {
  enum Outcome {
    GOOD,
    MEND,
    BAD
  }

  /**
   * One replica.
   *
   * @param bit of the replica.
   * @param version that it holds.
   * @param crc that it knows for it.
   * @param readable whether its data is what it knows.
   */
  record Copy(int bit, long version, int crc, boolean readable) {}

  static ScrubVerdict of(List<Copy> copies) {
    long newest = 0;
    for (Copy copy : copies) {
      newest = Math.max(newest, copy.version());
    }
    Copy chosen = null;
    int chosenVotes = 0;
    boolean disputed = false;
    for (Copy copy : copies) {
      if (copy.readable() && copy.version() == newest) {
        int votes = votes(copies, newest, copy.crc());
        disputed |= chosen != null && chosen.crc() != copy.crc();
        if (votes > chosenVotes) {
          chosen = copy;
          chosenVotes = votes;
        }
      }
    }
    if (chosen == null || disputed && 2 * chosenVotes <= copies.size()) {
      return new ScrubVerdict(Outcome.BAD, 0, 0, copies.size());
    }
    int sources = 0;
    int bad = 0;
    for (Copy copy : copies) {
      if (copy.readable() && copy.version() == newest && copy.crc() == chosen.crc()) {
        sources |= 1 << copy.bit();
      } else {
        bad++;
      }
    }
    return new ScrubVerdict(bad == 0 ? Outcome.GOOD : Outcome.MEND, sources, chosen.crc(), bad);
  }

  private static int votes(List<Copy> copies, long version, int crc) {
    int votes = 0;
    for (Copy copy : copies) {
      votes += copy.version() == version && copy.crc() == crc ? 1 : 0;
    }
    return votes;
  }
}
