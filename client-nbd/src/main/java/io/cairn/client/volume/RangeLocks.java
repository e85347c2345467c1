package io.cairn.client.volume;

import java.util.ArrayList;
import java.util.List;

/**
 * Orders the requests to one chunk: a write waits for every earlier request that it overlaps, a
 * read for every earlier write. First come, first served, so nobody starves.
 */
final class RangeLocks {
  /** One request's claim on a block range; may be used again after its release. */
  static final class Claim {
    private final Runnable granted;
    private int block;
    private int count;
    private boolean exclusive;
    private boolean active;

    /**
     * A claim on nothing yet.
     *
     * @param granted runs when it is granted.
     */
    Claim(Runnable granted) {
      this.granted = granted;
    }

    Claim(int block, int count, boolean exclusive, Runnable granted) {
      this(granted);
      on(block, count, exclusive);
    }

    /** Says what is claimed; before it is acquired. */
    void on(int firstBlock, int blockCount, boolean isExclusive) {
      block = firstBlock;
      count = blockCount;
      exclusive = isExclusive;
    }

    private boolean conflicts(Claim other) {
      return (exclusive || other.exclusive)
          && block < other.block + other.count
          && other.block < block + count;
    }
  }

  private final List<Claim> claims = new ArrayList<>();

  /** Claims that were not granted yet. */
  private int waiting;

  /** Counts what was added to the list or taken from it. */
  private int changes;

  /** Queues a claim; it is granted before the call returns when nothing stands against it. */
  void acquire(Claim claim) {
    claim.active = false;
    claims.add(claim);
    changes++;
    waiting++;
    grant(claim, claims.size() - 1);
  }

  /** Ends a claim and grants those that waited for it. */
  void release(Claim claim) {
    if (!claims.remove(claim)) {
      throw new IllegalStateException("a claim is released twice");
    }
    changes++;
    if (!claim.active) {
      waiting--;
    }
    if (waiting > 0) {
      grantThoseBehind(claim);
    }
  }

  /** A grant may acquire and release others: then the list is gone through once more. */
  private void grantThoseBehind(Claim released) {
    int block = released.block;
    int count = released.count;
    int i = 0;
    while (i < claims.size()) {
      Claim next = claims.get(i);
      boolean overlaps = next.block < block + count && block < next.block + next.count;
      int before = changes;
      if (!next.active && overlaps) {
        grant(next, i);
      }
      i = changes == before ? i + 1 : 0;
    }
  }

  private void grant(Claim claim, int position) {
    for (int i = 0; i < position; i++) {
      if (claims.get(i).conflicts(claim)) {
        return;
      }
    }
    claim.active = true;
    waiting--;
    claim.granted.run();
  }

  boolean isEmpty() {
    return claims.isEmpty();
  }
}
