package io.cairn.storage.journal;

import io.cairn.storage.env.Region;
import java.io.IOException;
import java.util.List;

/** Makes segments of a journal, and takes them away; calls block, and come one at a time. */
public interface SegmentSource {
  /**
   * Makes more segments, all zeroes, durably: the journal has them over any crash from then on.
   *
   * @return of the size and kind of those that are there.
   * @throws IOException when there is no room; the journal then has what it had.
   */
  List<Region> make(int count) throws IOException;

  /**
   * Takes segments away for good, and closes them. None of them may be used any more, also when
   * this fails: whether the journal has them at its next start, empty ones then, is not known.
   */
  void take(List<Region> segments) throws IOException;
}
