package io.cairn.client.volume;

import java.util.ArrayList;
import java.util.List;

/**
 * Orders the requests to one chunk: a write waits for every earlier request that it overlaps, a
 * read for every earlier write. First come, first served, so nobody starves.
 */
final class RangeLocks {
  /** One request's claim on a block range. */
  static final class Claim {
    final int block;
    final int count;
    final boolean exclusive;
    final Runnable granted;
    private boolean active;

    Claim(int block, int count, boolean exclusive, Runnable granted) {
      this.block = block;
      this.count = count;
      this.exclusive = exclusive;
      this.granted = granted;
    }

    private boolean conflicts(Claim other) {
      return (exclusive || other.exclusive)
          && block < other.block + other.count
          && other.block < block + count;
    }
  }

  private final List<Claim> claims = new ArrayList<>();

  /** Queues a claim; it is granted before the call returns when nothing stands against it. */
  void acquire(Claim claim) {
    claims.add(claim);
    grant(claim, claims.size() - 1);
  }

  /** Ends a claim and grants those that waited for it. */
  void release(Claim claim) {
    if (!claims.remove(claim)) {
      throw new IllegalStateException("a claim is released twice");
    }
    for (Claim waiting : List.copyOf(claims)) {
      int position = claims.indexOf(waiting);
      if (position >= 0 && !waiting.active && waiting.conflicts(claim)) {
        grant(waiting, position);
      }
    }
  }

  private void grant(Claim claim, int position) {
    for (int i = 0; i < position; i++) {
      if (claims.get(i).conflicts(claim)) {
        return;
      }
    }
    claim.active = true;
    claim.granted.run();
  }

  boolean isEmpty() {
    return claims.isEmpty();
  }
}
