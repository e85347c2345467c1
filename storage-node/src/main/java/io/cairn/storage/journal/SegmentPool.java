package io.cairn.storage.journal;

import io.cairn.storage.env.Region;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Which region holds which segment of the log. A region says so itself, by the serial in its
 * header: it <em>claims</em> that serial. So regions may come and go, and no two may claim one
 * serial that is still needed.
 *
 * <p>A serial is needed from the log's tail to its head. A region with an older one is free. One
 * with a newer one was left by a loss of power that took the end of the log: it is kept for just
 * that serial, or two regions would claim it, and the next recovery could not tell which of them
 * the log goes on in. There is always another one for the serials that nobody claims: whoever wrote
 * the newer ones had a region for each of those too.
 *
 * <p>A pool that never was resized puts segment {@code serial} into region {@code serial mod
 * count}, as releases before this class did and expect it.
 *
 * <p>On the shard's loop, but for {@link #of}.
 */
final class SegmentPool {
  /** Of a region that claims none. */
  static final long NONE = 0;

  private final List<Region> regions;

  /** What each region claims. */
  private long[] claims;

  /**
   * By serial modulo the length, a power of two that is no less than there are regions: needed
   * serials never meet. Made anew when the pool grows, while another thread may look at it.
   */
  private volatile Region[] bySerial;

  /** The newest serial that was claimed when the pool was made. */
  private long newestClaim;

  SegmentPool(List<Region> first) {
    regions = new ArrayList<>(first);
    claims = new long[first.size()];
    bySerial = new Region[tableLength(first.size())];
  }

  private static int tableLength(int count) {
    return Integer.highestOneBit(count - 1) << 1;
  }

  int count() {
    return regions.size();
  }

  Region region(int number) {
    return regions.get(number);
  }

  List<Region> regions() {
    return regions;
  }

  /** The region of a serial that is needed; any thread. */
  Region of(long serial) {
    Region[] table = bySerial;
    return table[(int) serial & table.length - 1];
  }

  /** What a region's header says; for all regions, before the first serial begins. */
  void claims(int number, long serial) {
    claims[number] = serial;
    newestClaim = Math.max(newestClaim, serial);
  }

  /** The region that claims a serial, by number, or a negative number. */
  int claimant(long serial) {
    int found = -1;
    for (int i = 0; i < claims.length; i++) {
      if (claims[i] == serial) {
        if (found >= 0) {
          throw new IllegalStateException(
              "two segments of the journal are number "
                  + serial
                  + " of the log: which one it goes on in cannot be told");
        }
        found = i;
      }
    }
    return found;
  }

  /** Recovery goes on in the region that claims the serial. */
  void adopt(int number) {
    put(claims[number], regions.get(number));
  }

  private void put(long serial, Region region) {
    Region[] table = bySerial;
    table[(int) serial & table.length - 1] = region;
  }

  /**
   * Chooses a region for the serial behind the head, which it claims from now on.
   *
   * @param tailSerial the oldest that is needed.
   */
  Region begin(long serial, long tailSerial) {
    int chosen = choose(serial, tailSerial);
    claims[chosen] = serial;
    Region region = regions.get(chosen);
    put(serial, region);
    return region;
  }

  private int choose(long serial, long tailSerial) {
    if (serial <= newestClaim) {
      int claimant = claimant(serial);
      if (claimant >= 0) {
        return claimant;
      }
    }
    int usual = (int) (serial % claims.length);
    if (claims[usual] < tailSerial) {
      return usual;
    }
    for (int i = 0; i < claims.length; i++) {
      if (claims[i] < tailSerial) {
        return i;
      }
    }
    throw new IllegalStateException(
        "no segment is free for number " + serial + ", the oldest that is needed is " + tailSerial);
  }

  /**
   * The newest serial that is claimed although the log has not come there again; {@link #NONE} when
   * it has. Until then no region may go: those that seem free are the places of the serials before.
   */
  long leftoverClaim(long headSerial) {
    return newestClaim > headSerial ? newestClaim : NONE;
  }

  /** More regions, all empty. */
  void add(List<Region> more) {
    int count = regions.size();
    regions.addAll(more);
    claims = Arrays.copyOf(claims, regions.size());
    Region[] old = bySerial;
    if (old.length < claims.length) {
      Region[] table = new Region[tableLength(claims.length)];
      for (int i = 0; i < count; i++) {
        if (old[(int) claims[i] & old.length - 1] == regions.get(i)) {
          table[(int) claims[i] & table.length - 1] = regions.get(i);
        }
      }
      bySerial = table;
    }
  }

  /**
   * Takes free regions out of the pool, the last ones first.
   *
   * @param leftCount how many are to be left.
   */
  List<Region> takeFree(int leftCount, long tailSerial) {
    List<Region> taken = new ArrayList<>();
    for (int i = claims.length - 1; i >= 0 && regions.size() > leftCount; i--) {
      if (claims[i] < tailSerial) {
        int last = regions.size() - 1;
        Region region = regions.get(i);
        if (of(claims[i]) == region) {
          put(claims[i], null);
        }
        regions.set(i, regions.get(last));
        claims[i] = claims[last];
        regions.remove(last);
        taken.add(region);
      }
    }
    claims = Arrays.copyOf(claims, regions.size());
    return taken;
  }
}
