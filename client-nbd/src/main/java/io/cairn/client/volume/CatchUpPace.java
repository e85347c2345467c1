package io.cairn.client.volume;

import io.cairn.storage.wire.CopyPace;
import java.util.ArrayList;
import java.util.List;

/**
 * What the volumes of one gateway share: so many chunks catch up at one time, those with the fewest
 * replicas in sync first, whichever volume they are of. A gateway with a hundred volumes copies no
 * more at one time than one with two. Used on the one loop of its sessions.
 */
public final class CatchUpPace {
  /** Chunks that catch up at one time through one gateway. */
  private static final int GATEWAY_CHUNKS_MAX = 8;

  private static final int NOTHING = Integer.MAX_VALUE;

  private final int chunksMax;
  private final RepairRate rate;
  private final List<Share> shares = new ArrayList<>();

  /**
   * One that nobody uses yet.
   *
   * @param chunksMax chunks of all volumes that catch up at one time.
   * @param rate how fast, all together.
   */
  public CatchUpPace(int chunksMax, RepairRate rate) {
    this.chunksMax = chunksMax;
    this.rate = rate;
  }

  /** How fast replicas are copied, all together. */
  RepairRate rate() {
    return rate;
  }

  /** What one chunk's part of the rate is: a {@link CopyPace}. */
  int ofOneChunk() {
    double all = rate.bytesPerSecond();
    return all == Double.POSITIVE_INFINITY
        ? CopyPace.UNBOUNDED
        : CopyPace.ofRate(all / Math.max(1, running()));
  }

  private int running() {
    int running = 0;
    for (int i = 0; i < shares.size(); i++) {
      running += shares.get(i).running;
    }
    return running;
  }

  /**
   * How a volume stands.
   *
   * @param chunks that catch up.
   * @param isWhole whether every replica is in sync.
   */
  void runs(Share share, int chunks, boolean isWhole, long nowNanos) {
    share.running = chunks;
    share.isWhole = isWhole;
    tellRate(nowNanos);
  }

  private void tellRate(long nowNanos) {
    boolean areWhole = true;
    for (int i = 0; i < shares.size(); i++) {
      areWhole &= shares.get(i).isWhole;
    }
    rate.mending(running() > 0, areWhole, nowNanos);
  }

  /** That of all volumes of one gateway. */
  public static CatchUpPace ofGateway(RepairRate rate) {
    return new CatchUpPace(GATEWAY_CHUNKS_MAX, rate);
  }

  /** What one volume uses of it, and waits for. */
  static final class Share {
    /** Chunks that catch up. */
    int running;

    private boolean isWhole = true;

    /** Replicas in sync of the chunk that had to wait for others; NOTHING when none had to. */
    private int waiting = NOTHING;
  }

  /** A volume that may bring chunks up from now on, until it {@link #leave leaves}. */
  Share join() {
    Share share = new Share();
    shares.add(share);
    return share;
  }

  void leave(Share share, long nowNanos) {
    shares.remove(share);
    tellRate(nowNanos);
  }

  /**
   * Whether a chunk may begin. One that may not is remembered, and others that are less endangered
   * let it go first.
   */
  boolean mayBegin(Share asking, int inSync) {
    int mostEndangered = NOTHING;
    for (Share share : shares) {
      mostEndangered = share == asking ? mostEndangered : Math.min(mostEndangered, share.waiting);
    }
    boolean may = running() < chunksMax && inSync <= mostEndangered;
    asking.waiting = may ? NOTHING : inSync;
    return may;
  }

  /** The volume has nothing that waits. */
  void waitsForNothing(Share share) {
    share.waiting = NOTHING;
  }
}
