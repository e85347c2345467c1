package io.cairn.storage.cache;

import io.cairn.metadata.model.VolumeTier;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.agrona.collections.IntArrayList;
import org.agrona.collections.Long2ObjectHashMap;

/**
 * The parts that volumes have of a shard's tier, and whose block has to leave the read cache when
 * another one comes: as long as a volume has no more than its fair share of the slots, only its own
 * blocks give way to its own. The fair share is an equal part for each volume that is in use, which
 * is one that was read in this turn or the one before: in a turn as many blocks come as there are
 * slots. What a volume does not use of its share is for those that want more, so that nothing lies
 * idle.
 *
 * <p>Blocks of pinned volumes come at their first read and stay, up to a stated part of the slots;
 * what these volumes want beyond comes and goes as if they were not pinned. The shares of the
 * others are parts of what is left.
 *
 * <p>A volume that nobody said anything of is as usual. On the shard's loop.
 */
public final class VolumeShares {
  /** Volumes whose reads are counted each for itself. */
  public static final int SHOWN_MAX = 256;

  private static final int NUMBERS_MAX = Character.MAX_VALUE;

  private final Long2ObjectHashMap<VolumeShare> byVolume = new Long2ObjectHashMap<>();

  /** By number; null where it is free, and for {@link VolumeShare#NOBODY}. */
  private final List<VolumeShare> byNumber = new ArrayList<>();

  private final IntArrayList freeNumbers = new IntArrayList();

  /** What is counted of volumes that are not shown each for itself. */
  private final VolumeShare others = new VolumeShare(VolumeShare.NOBODY);

  private int shownVolumes;

  /** Volumes whose blocks are to leave the journal at once. */
  private int throughVolumes;

  private final int pinnedPercent;

  /** Of the cache; 0 without one. */
  private int slots;

  /** Slots of volumes that are pinned now. */
  private int pinnedSlots;

  private int turn;

  /** Volumes that were used in this turn or the one before, but for pinned ones. */
  private int volumesInUse;

  /**
   * None.
   *
   * @param pinnedPercent the part of the read cache that pinned volumes may hold, 0 to 90.
   */
  public VolumeShares(int pinnedPercent) {
    this.pinnedPercent = pinnedPercent;
    byNumber.add(null);
  }

  /** So many slots are to be shared. */
  void divide(int slotsOfCache) {
    slots = slotsOfCache;
  }

  /** Slots that pinned volumes may hold. */
  public int pinnedMax() {
    return (int) ((long) slots * pinnedPercent / 100);
  }

  /** Slots that they hold, with those that came as if they were not pinned. */
  public int pinnedSlots() {
    return pinnedSlots;
  }

  /** Whether what pinned volumes read from now on is treated as if they were not pinned. */
  public boolean isPinnedFull() {
    return pinnedSlots > 0 && pinnedSlots >= pinnedMax();
  }

  /** Whether a block of the volume is taken in at its first read. */
  boolean isTakenAtOnce(VolumeShare by) {
    return by.tier().pinned() && pinnedSlots < pinnedMax();
  }

  /** The volume's part. */
  public VolumeShare of(long volumeId) {
    VolumeShare share = byVolume.get(volumeId);
    if (share == null) {
      share = new VolumeShare(newNumber());
      if (share.number() != VolumeShare.NOBODY) {
        byNumber.set(share.number(), share);
      }
      byVolume.put(volumeId, share);
    }
    return share;
  }

  /** With very many volumes some have none: their blocks are nobody's. */
  private int newNumber() {
    if (!freeNumbers.isEmpty()) {
      return freeNumbers.removeAt(freeNumbers.size() - 1);
    }
    if (byNumber.size() > NUMBERS_MAX) {
      return VolumeShare.NOBODY;
    }
    byNumber.add(null);
    return byNumber.size() - 1;
  }

  /** Whether blocks of the volume are to leave the journal at once; for each append. */
  public boolean isDestagedAtOnce(long volumeId) {
    return throughVolumes > 0 && of(volumeId).tier().destagesAtOnce();
  }

  /**
   * What the volumes are to be from now on.
   *
   * @param tiers of all volumes of the shard; one that is missing is gone, or as usual. The first
   *     {@value #SHOWN_MAX} are shown.
   * @return whether there is one among them whose blocks are to leave the journal at once, and were
   *     not before.
   */
  public boolean become(Map<Long, VolumeTier> tiers) {
    boolean more = false;
    for (Iterator<Map.Entry<Long, VolumeShare>> known = byVolume.entrySet().iterator();
        known.hasNext(); ) {
      Map.Entry<Long, VolumeShare> entry = known.next();
      if (!tiers.containsKey(entry.getKey())) {
        VolumeShare share = entry.getValue();
        known.remove();
        shownVolumes -= share.isShown() ? 1 : 0;
        become(share, VolumeTier.USUAL);
        share.leave();
        freeIfGone(share);
      }
    }
    throughVolumes = 0;
    for (Map.Entry<Long, VolumeTier> told : tiers.entrySet()) {
      VolumeShare share = of(told.getKey());
      boolean through = told.getValue().destagesAtOnce();
      more |= through && !share.tier().destagesAtOnce();
      throughVolumes += through ? 1 : 0;
      become(share, told.getValue());
      if (!share.isShown() && shownVolumes < SHOWN_MAX) {
        share.show();
        shownVolumes++;
      }
    }
    countInUse();
    return more;
  }

  private void become(VolumeShare share, VolumeTier tier) {
    pinnedSlots -= share.tier().pinned() ? share.cachedBlocks() : 0;
    share.become(tier);
    pinnedSlots += tier.pinned() ? share.cachedBlocks() : 0;
  }

  /** What is counted of volumes that are not shown each for itself. */
  public VolumeShare others() {
    return others;
  }

  /** So many blocks of a volume were served from the read cache, or had to come from the tier. */
  void count(VolumeShare share, int hitBlocks, int missedBlocks) {
    (share.isShown() ? share : others).count(hitBlocks, missedBlocks);
  }

  private void freeIfGone(VolumeShare share) {
    if (share.isGone() && share.cachedBlocks() == 0 && share.number() != VolumeShare.NOBODY) {
      byNumber.set(share.number(), null);
      freeNumbers.addInt(share.number());
    }
  }

  /** Whether the number is that of a volume that is gone, or of none. */
  boolean isNobodys(int number) {
    VolumeShare share = byNumber.get(number);
    return share == null || share.isGone();
  }

  /** The volume was read. */
  void use(VolumeShare share) {
    if (!isInUse(share) && !share.tier().pinned()) {
      volumesInUse++;
    }
    share.used(turn);
  }

  private boolean isInUse(VolumeShare share) {
    return turn - share.usedTurn() <= 1;
  }

  /** As many blocks have come as there are slots. */
  void nextTurn() {
    turn++;
    countInUse();
  }

  private void countInUse() {
    volumesInUse = 0;
    for (VolumeShare share : byVolume.values()) {
      volumesInUse += isInUse(share) && !share.tier().pinned() ? 1 : 0;
    }
  }

  /** A slot became the volume's, by number. */
  void took(int number) {
    VolumeShare share = byNumber.get(number);
    if (share != null) {
      share.add(1);
      pinnedSlots += share.tier().pinned() ? 1 : 0;
    }
  }

  /** A slot is not the volume's any more, by number. */
  void gave(int number) {
    gave(number, 1);
  }

  /** So many slots are not. */
  void gave(int number, int count) {
    VolumeShare share = byNumber.get(number);
    if (share != null) {
      share.add(-count);
      pinnedSlots -= share.tier().pinned() ? count : 0;
      freeIfGone(share);
    }
  }

  /** Nobody has a slot any more. */
  void gaveAll() {
    for (int number = 1; number < byNumber.size(); number++) {
      VolumeShare share = byNumber.get(number);
      if (share != null) {
        pinnedSlots -= share.tier().pinned() ? share.cachedBlocks() : 0;
        share.add(-share.cachedBlocks());
        freeIfGone(share);
      }
    }
  }

  /**
   * Whether a block of a volume must stay although another one is to come.
   *
   * @param number of the volume that has the block.
   * @param by the volume whose block is to come.
   */
  boolean isKept(int number, VolumeShare by) {
    VolumeShare owner = byNumber.get(number);
    if (owner == null || owner.isGone() || !owner.tier().mayBeReadCached()) {
      return false;
    }
    int pinnedMax = pinnedMax();
    if (owner.tier().pinned()) {
      return pinnedSlots < pinnedMax || pinnedSlots == pinnedMax && owner != by;
    }
    if (!isInUse(owner)) {
      return false;
    }
    // The slot that a pinned volume is about to take is not there for the others any more.
    int pinned = Math.min(pinnedMax, pinnedSlots + (by.tier().pinned() ? 1 : 0));
    int fair = (slots - pinned) / Math.max(1, volumesInUse);
    return owner.cachedBlocks() < fair || owner.cachedBlocks() == fair && owner != by;
  }
}
