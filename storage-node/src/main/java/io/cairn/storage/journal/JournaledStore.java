package io.cairn.storage.journal;

import io.cairn.metadata.model.VolumeTier;
import io.cairn.storage.cache.CacheDevice;
import io.cairn.storage.cache.ReadCache;
import io.cairn.storage.cache.VolumeShares;
import io.cairn.storage.chunk.CapacityTier;
import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.env.Region;
import io.cairn.storage.replication.ChunkEntry;
import io.cairn.storage.replication.ChunkName;
import io.cairn.storage.replication.MergeRule;
import io.cairn.storage.replication.ShardStore;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Version;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.agrona.DirectBuffer;

/**
 * One shard's store: every append goes to the journal and into the index, reads come from the
 * journal's memory or the capacity tier, and destaging keeps the journal from filling up.
 *
 * <pre>
 * OPEN --a sync, the journal's memory, the catalogue or the capacity tier fails--> FAILED
 * OPEN, FAILED --stop--> CLOSED     late answers of other threads are dropped
 * </pre>
 */
public final class JournaledStore implements ShardStore {
  private final Journal journal;
  private final LiveIndex index;
  private final Catalogue catalogue;
  private final CapacityTier tier;
  private final StoreLoop loop;
  private final StoreSettings settings;
  private final Destaging destaging;
  private final Resizing resizing;
  private final StoreReads reads;
  private final ReadCache cache;
  private final VolumeShares shares;
  private final StoreCounters counters = new StoreCounters();
  private final TreeSet<Long> untrashed = new TreeSet<>();

  /**
   * Chunks that went to the trash one by one, and where the log ended then: until all before that
   * is destaged. So one run of the destager never has to do with two chunks of one name.
   */
  private final Map<ChunkId, Long> leaving = new HashMap<>();

  private final Recovery recovery;
  private final Runnable syncAfterDelay = this::syncAfterDelay;
  private final Runnable whenLoaded = this::room;
  private Listener listener = new NobodyYet();
  private Runnable whenStopped;

  /** Fences that are on their way into the catalogue. */
  private int fencesUnderWay;

  private boolean syncArmed;
  private long recordEndLsn;

  /** Why there is a read cache although there is to be none, or the other way round; or null. */
  private String cacheProblem;

  private boolean closed;
  private String failure;

  private JournaledStore(
      Recovery recovery,
      Catalogue catalogue,
      CapacityTier tier,
      StoreLoop loop,
      Payloads payloads,
      StoreSettings settings,
      ReadCache cache,
      VolumeShares shares) {
    Events events = new Events();
    this.recovery = recovery;
    this.journal = recovery.journal();
    this.index = recovery.index();
    this.catalogue = catalogue;
    this.tier = tier;
    this.loop = loop;
    this.settings = settings;
    this.destaging =
        new Destaging(
            journal,
            index,
            new Destager(journal, catalogue, tier),
            loop,
            settings,
            counters,
            events);
    this.resizing = new Resizing(journal, destaging, loop, events);
    this.cache = cache;
    this.shares = shares;
    this.reads =
        new StoreReads(
            journal, index, catalogue, tier, cache, shares, loop, payloads, counters, settings,
            events);
    journal.listener(new JournalEvents());
    if (!index.trashed().isEmpty()) {
      index.trashed().forEach(id -> leaving.put(id, recovery.found().endLsn()));
      index.trashed().clear();
      destaging.flush(recovery.found().endLsn());
    }
  }

  /**
   * Recovers a shard: the state of the last checkpoint, and every record behind it up to the first
   * that is not whole. Blocks for as long as that takes; the store is used on its loop afterwards,
   * beginning with {@link #start}.
   *
   * @param ring the journal's segments, in the same order as ever as long as they are the same.
   * @param life higher than that of any process that had this shard before.
   * @param cacheDevice for blocks of the tier that are read again; null for none.
   * @throws IOException when a device cannot be read.
   * @throws IllegalStateException when the journal is another shard's, or is damaged where it must
   *     not be.
   */
  public static JournaledStore open(
      JournalIdentity identity,
      List<Region> ring,
      long life,
      Catalogue catalogue,
      CapacityTier tier,
      StoreLoop loop,
      Payloads payloads,
      StoreSettings settings,
      CacheDevice cacheDevice)
      throws IOException {
    Recovery recovery = Recovery.of(identity, ring, life, catalogue, tier);
    VolumeShares shares = new VolumeShares(settings.pinnedPercent());
    ReadCache cache = cacheDevice == null ? null : ReadCache.open(cacheDevice, loop, shares);
    return new JournaledStore(recovery, catalogue, tier, loop, payloads, settings, cache, shares);
  }

  /** What recovery found, in one line for the log. */
  public String recoveryText() {
    return recovery.text();
  }

  /**
   * Whether the journal ended before a position that was durable once: that is no power loss but a
   * damaged device. What was lost comes back from the other replicas.
   */
  public boolean isJournalDamaged() {
    return recovery.found().lostLsn() > 0;
  }

  /** Begins to serve; what was recovered is synced first, as it may be in the page cache only. */
  public void start(Listener shard) {
    listener = shard;
    if (failure != null) {
      shard.onFailed(failure);
    }
    journal.sync();
  }

  /** What the store has done. */
  public StoreCounters counters() {
    return counters;
  }

  /** The read cache, or null. */
  public ReadCache readCache() {
    return cache;
  }

  /** The volumes' parts of the tier; on the loop. */
  public VolumeShares shares() {
    return shares;
  }

  /** Bytes of the journal that hold records which are not yet destaged. */
  public long journalUsedBytes() {
    return journal.usedBytes();
  }

  /**
   * Has all that the journal holds destaged, and from then on what is appended soon after it; false
   * for as the watermarks say. A store that is to be flushed is so before it stops. On the loop.
   */
  public void keepFlushed(boolean keep) {
    destaging.keepFlushed(keep);
  }

  /**
   * What the tier is to do for each volume from now on.
   *
   * @param tiers of all volumes of which the shard holds chunks; one that is missing is as usual.
   */
  public void volumeTiers(Map<Long, VolumeTier> tiers) {
    if (shares.become(tiers)) {
      destaging.destageAtOnce();
    }
  }

  /**
   * Bytes of what the journal held when it was to be flushed that are not destaged yet; -1 when it
   * is not to be.
   */
  public long flushLeftBytes() {
    return destaging.flushLeftBytes();
  }

  /** Size of the journal; without segments that are still to be taken away. On the loop. */
  public long journalSizeBytes() {
    return journal.capacityBytes();
  }

  /**
   * Has the journal grow or shrink to a size, and stay there; while it is in use, and however long
   * that takes. Costs nothing when that is known already, so that it may be said again and again: a
   * change that failed is tried again then, after a while. On the loop, once the store has started.
   *
   * @param sizeBytes at least four segments; what is no whole segment is left out.
   * @param segments makes and deletes its segments; always the same.
   */
  public void resizeJournal(long sizeBytes, SegmentSource segments) {
    resizing.become(Math.toIntExact(sizeBytes / journal.segmentBytes()), segments);
  }

  /**
   * Bytes of segments that the journal is to have more than it has; negative if it has too many.
   */
  public long journalLackBytes() {
    return (long) (journal.wantedCount() - journal.segmentCount()) * journal.segmentBytes();
  }

  /**
   * Has the read cache grow or shrink, and keep what fits; as {@link #resizeJournal}.
   *
   * @param slots blocks that there is to be place for; 0 for no cache, which a store has from the
   *     start or not at all.
   */
  public void resizeReadCache(int slots) {
    boolean asked = cache != null == slots > 0;
    cacheProblem = asked ? null : "a read cache is made, and given up, only when the node starts";
    if (asked && cache != null && failure == null && !closed) {
      cache.resize(slots);
    }
  }

  /** Why one of the two keeps a size that it is not to have, for people; null if none does. */
  public String resizeProblem() {
    if (resizing.problem() != null) {
      return resizing.problem();
    }
    return cacheProblem != null || cache == null ? cacheProblem : cache.resizeProblem();
  }

  /** Chunks that the shard holds. */
  public int chunkCount() {
    return index.chunkCount();
  }

  /** Pages of the index that are in memory. */
  int loadedPages() {
    return index.loadedPages();
  }

  /** Volumes of which the shard holds chunks, in order; on the loop. */
  public TreeSet<Long> volumes() {
    TreeSet<Long> volumes = new TreeSet<>();
    for (IndexedChunk chunk : index.chunks()) {
      volumes.add(chunk.volumeId());
    }
    return volumes;
  }

  @Override
  public long fence(long volumeId) {
    return index.fence(volumeId);
  }

  @Override
  public void appendFence(long volumeId, long generation) {
    if (generation <= index.fence(volumeId)) {
      throw new IllegalStateException(
          "fence " + generation + " of volume " + volumeId + " is below " + fence(volumeId));
    }
    bare(JournalRecord.FENCE, 0, volumeId, 0, 0, generation, 0, 0);
    fencesUnderWay++;
    loop.offLoop(
        () -> {
          try {
            catalogue.raiseFence(volumeId, generation);
          } catch (IOException | RuntimeException e) {
            // The journal has the fence; a catalogue that stays broken fails the next checkpoint.
            counters.fenceFailures++;
          }
          loop.onLoop(
              () -> {
                fencesUnderWay--;
                closeIfIdle();
              });
        });
  }

  @Override
  public ChunkEntry find(long volumeId, int layer, int chunkIndex) {
    return index.find(volumeId, layer, chunkIndex);
  }

  @Override
  public ChunkEntry create(long volumeId, int layer, int chunkIndex, int sizeBlocks) {
    return create(volumeId, layer, chunkIndex, sizeBlocks, 0);
  }

  @Override
  public ChunkEntry createSyncing(
      long volumeId, int layer, int chunkIndex, int sizeBlocks, long ownerGeneration) {
    return create(volumeId, layer, chunkIndex, sizeBlocks, ownerGeneration);
  }

  private ChunkEntry create(
      long volumeId, int layer, int chunkIndex, int sizeBlocks, long syncGeneration) {
    if (!tier.reserve((long) sizeBlocks * Frame.BLOCK_BYTES)) {
      return null;
    }
    bare(JournalRecord.CREATE, 0, volumeId, layer, chunkIndex, syncGeneration, sizeBlocks, 0);
    return index.find(volumeId, layer, chunkIndex);
  }

  @Override
  public boolean hasRoom(int payloadBytes) {
    int blockCount = payloadBytes / Frame.BLOCK_BYTES;
    if (journal.hasRoom(JournalRecord.bytes(JournalRecord.FILL, blockCount))) {
      return payloadBytes == 0 || destaging.admitsWrite();
    }
    counters.roomWaits++;
    journal.sync();
    destaging.wantRoom();
    return false;
  }

  @Override
  public boolean isFull() {
    return destaging.fullReason() != null;
  }

  /** Why {@link #isFull}, for people; null when it is not. */
  public String fullReason() {
    return destaging.fullReason();
  }

  @Override
  public boolean isLoaded(ChunkEntry chunk, int blockOffset, int blockCount) {
    return reads.isLoaded((IndexedChunk) chunk, blockOffset, blockCount, whenLoaded);
  }

  @Override
  public boolean appendWrite(
      ChunkEntry chunk,
      long version,
      int blockOffset,
      int blockCount,
      DirectBuffer crcs,
      int crcOffset,
      DirectBuffer payload,
      int payloadOffset) {
    return blocks(
        JournalRecord.WRITE,
        (IndexedChunk) chunk,
        version,
        blockOffset,
        blockCount,
        crcs,
        crcOffset,
        null,
        0,
        payload,
        payloadOffset);
  }

  @Override
  public void appendZero(
      ChunkEntry chunk, long version, int blockOffset, int blockCount, boolean allocate) {
    requireThere((IndexedChunk) chunk);
    bare(
        JournalRecord.ZERO,
        allocate ? JournalRecord.FLAG_ALLOCATE : 0,
        chunk.volumeId(),
        chunk.layer(),
        chunk.index(),
        version,
        blockOffset,
        blockCount);
  }

  @Override
  public void appendFill(
      ChunkEntry chunk,
      long ownerGeneration,
      int blockOffset,
      int blockCount,
      DirectBuffer versions,
      int versionsOffset,
      DirectBuffer crcs,
      int crcOffset,
      DirectBuffer payload,
      int payloadOffset) {
    blocks(
        JournalRecord.FILL,
        (IndexedChunk) chunk,
        ownerGeneration,
        blockOffset,
        blockCount,
        crcs,
        crcOffset,
        versions,
        versionsOffset,
        payload,
        payloadOffset);
  }

  @Override
  public void appendUnreadable(ChunkEntry chunk, long ownerGeneration, int block, long version) {
    IndexedChunk indexed = (IndexedChunk) chunk;
    requireThere(indexed);
    long local = index.version(indexed, block);
    if (MergeRule.replaces(local, version, ownerGeneration)) {
      bare(
          JournalRecord.UNREADABLE,
          0,
          chunk.volumeId(),
          chunk.layer(),
          chunk.index(),
          version,
          block,
          1);
    }
  }

  @Override
  public void appendSyncBegin(ChunkEntry chunk, long ownerGeneration, long base) {
    if (ownerGeneration < 1 || ownerGeneration > Version.GENERATION_MAX) {
      throw new IllegalStateException("generation " + ownerGeneration);
    }
    requireThere((IndexedChunk) chunk);
    bare(
        JournalRecord.SYNC_BEGIN,
        0,
        chunk.volumeId(),
        chunk.layer(),
        chunk.index(),
        base,
        (int) ownerGeneration,
        0);
  }

  @Override
  public void appendSyncEnd(ChunkEntry chunk) {
    requireThere((IndexedChunk) chunk);
    bare(JournalRecord.SYNC_END, 0, chunk.volumeId(), chunk.layer(), chunk.index(), 0, 0, 0);
  }

  @Override
  public void trashVolume(long volumeId) {
    if (index.fence(volumeId) == Version.GENERATION_MAX) {
      return;
    }
    if (!hasRoom(0)) {
      untrashed.add(volumeId);
      return;
    }
    bare(JournalRecord.TRASH, 0, volumeId, 0, 0, 0, 0, 0);
    index.trashed().clear();
    destaging.flush(journal.headLsn());
    listener.onTrashed(volumeId);
  }

  @Override
  public void trashChunk(ChunkEntry chunk) {
    IndexedChunk indexed = (IndexedChunk) chunk;
    requireThere(indexed);
    bare(JournalRecord.TRASH_CHUNK, 0, chunk.volumeId(), chunk.layer(), chunk.index(), 0, 0, 0);
    index.trashed().clear();
    leaving.put(indexed.id, journal.headLsn());
    destaging.flush(journal.headLsn());
  }

  @Override
  public boolean isLeaving(long volumeId, int layer, int chunkIndex) {
    Long lsn = leaving.get(new ChunkId(volumeId, layer, chunkIndex));
    return lsn != null && lsn > journal.tailLsn();
  }

  @Override
  public List<ChunkName> chunksAfter(ChunkName after, int countMax) {
    List<ChunkName> names = new ArrayList<>();
    for (IndexedChunk chunk : index.chunksAfter(id(after))) {
      if (names.size() == countMax) {
        break;
      }
      names.add(new ChunkName(chunk.volumeId(), chunk.layer(), chunk.index()));
    }
    return names;
  }

  @Override
  public ChunkEntry syncingAfter(ChunkName after) {
    return index.syncingAfter(id(after));
  }

  private static ChunkId id(ChunkName name) {
    return name == null ? null : new ChunkId(name.volumeId(), name.layer(), name.index());
  }

  /** A record of a chunk that is gone would stop the next recovery. */
  private static void requireThere(IndexedChunk chunk) {
    if (chunk.gone) {
      throw new IllegalStateException("chunk " + chunk.id + " is in the trash");
    }
  }

  private boolean blocks(
      byte kind,
      IndexedChunk chunk,
      long argument,
      int blockOffset,
      int blockCount,
      DirectBuffer crcs,
      int crcOffset,
      DirectBuffer versions,
      int versionsOffset,
      DirectBuffer payload,
      int payloadOffset) {
    requireThere(chunk);
    if (failure != null) {
      return true;
    }
    try {
      JournalRecord record =
          journal.appendBlocks(
              kind,
              chunk,
              argument,
              blockOffset,
              blockCount,
              crcs,
              crcOffset,
              versions,
              versionsOffset,
              payload,
              payloadOffset);
      if (record == null) {
        return false;
      }
      appended(record);
    } catch (InternalError e) {
      memoryFailed(e);
    }
    return true;
  }

  private void bare(
      byte kind,
      int flags,
      long volumeId,
      int layer,
      int chunkIndex,
      long argument,
      int blockOffset,
      int blockCount) {
    if (failure != null) {
      // The shard was told, and its links are closed: nobody hears of what is not stored.
      return;
    }
    try {
      appended(
          journal.appendBare(
              kind, flags, volumeId, layer, chunkIndex, argument, blockOffset, blockCount));
    } catch (InternalError e) {
      memoryFailed(e);
    }
  }

  /** The device behind the mapped journal does not give its bytes. */
  private void memoryFailed(InternalError e) {
    fail("the journal's device failed: " + e.getMessage());
  }

  private void appended(JournalRecord record) {
    recordEndLsn = journal.headLsn();
    counters.appendedRecords++;
    counters.appendedBytes += record.recordBytes();
    destaging.appended(record.recordBytes());
    if (shares.isDestagedAtOnce(record.volumeId())) {
      destaging.destageAtOnce();
    }
    try {
      index.apply(record, gone -> {});
    } catch (RuntimeException e) {
      // The log has what the index has not: only a recovery brings them together again.
      fail("a record was not applied: " + e.getMessage());
      throw e;
    }
    if (journal.headLsn() - journal.durableLsn() >= settings.syncBytes()) {
      journal.sync();
      destaging.beginIfNeeded();
    } else if (!syncArmed && !journal.isSyncing()) {
      armSync();
    }
  }

  private void armSync() {
    syncArmed = true;
    loop.later(settings.syncDelayNanos(), syncAfterDelay);
  }

  private void syncAfterDelay() {
    syncArmed = false;
    if (!closed) {
      journal.sync();
    }
  }

  @Override
  public long appendedLsn() {
    return journal.headLsn();
  }

  /**
   * Position behind the last record that was asked for; what the store appends of its own, such as
   * to begin a segment, may lie between that and {@link #appendedLsn}.
   */
  public long recordEndLsn() {
    return recordEndLsn;
  }

  @Override
  public long durableLsn() {
    return journal.durableLsn();
  }

  @Override
  public void requestSync(long lsn) {
    if (lsn > journal.durableLsn()) {
      journal.sync();
    }
  }

  @Override
  public void read(ChunkEntry chunk, int blockOffset, int blockCount, ReadSink sink) {
    reads.read((IndexedChunk) chunk, blockOffset, blockCount, sink);
  }

  @Override
  public void verify(
      ChunkEntry chunk, int blockOffset, int blockCount, boolean data, ReadSink sink) {
    reads.verify((IndexedChunk) chunk, blockOffset, blockCount, data, sink);
  }

  @Override
  public void readVersions(ChunkEntry chunk, int blockOffset, int blockCount, VersionsSink sink) {
    reads.readVersions((IndexedChunk) chunk, blockOffset, blockCount, sink);
  }

  @Override
  public void readExtents(ChunkEntry chunk, int blockOffset, int blockCount, VersionsSink sink) {
    reads.readExtents((IndexedChunk) chunk, blockOffset, blockCount, sink);
  }

  private final class JournalEvents implements Journal.Listener {
    @Override
    public void onDurable(long lsn) {
      if (closed) {
        closeIfIdle();
        return;
      }
      counters.syncs++;
      listener.onDurable(lsn);
      destaging.beginIfNeeded();
      if (whenStopped != null) {
        stop(whenStopped);
      } else if (journal.headLsn() > lsn && !syncArmed) {
        armSync();
      }
    }

    @Override
    public void onFailed(Throwable problem) {
      fail("sync of the journal failed: " + problem);
      closeIfIdle();
    }
  }

  private final class Events implements Destaging.Host {
    @Override
    public boolean takesPart() {
      return failure == null && !closed;
    }

    @Override
    public boolean isClosed() {
      return closed;
    }

    @Override
    public void onRoom() {
      room();
    }

    @Override
    public void onRolled() {
      if (!syncArmed && !journal.isSyncing()) {
        armSync();
      }
    }

    @Override
    public void onMemoryFailed(InternalError problem) {
      memoryFailed(problem);
    }

    @Override
    public void onFailed(String reason) {
      fail(reason);
    }

    @Override
    public void onIdle() {
      closeIfIdle();
    }
  }

  private void fail(String reason) {
    if (failure == null && !closed) {
      failure = reason;
      listener.onFailed(reason);
      if (whenStopped != null) {
        stop(whenStopped);
      }
    }
  }

  private void room() {
    if (closed || failure != null) {
      return;
    }
    leaving.values().removeIf(lsn -> lsn <= journal.tailLsn());
    while (!untrashed.isEmpty() && hasRoom(0)) {
      trashVolume(untrashed.pollFirst());
    }
    listener.onRoom();
    resizing.goOn();
    if (whenStopped != null) {
      stop(whenStopped);
    }
  }

  /**
   * Syncs what was appended, and destages it where the journal is to be kept flushed, then closes;
   * on the loop, whatever comes later is dropped.
   */
  public void stop(Runnable done) {
    whenStopped = done;
    if (failure == null && journal.durableLsn() != journal.headLsn()) {
      journal.sync();
    } else if (failure == null && mustFlush()) {
      destaging.beginIfNeeded();
    } else {
      closed = true;
      closeIfIdle();
    }
  }

  /** What a tier without room does not take stays in the journal, as ever. */
  private boolean mustFlush() {
    return destaging.keepsFlushed() && destaging.isFlushing() && !isFull();
  }

  /** What other threads still do ends before the files are closed under it. */
  private void closeIfIdle() {
    if (closed && whenStopped != null && cache != null) {
      cache.stop(this::closeIfIdle);
    }
    if (!closed
        || whenStopped == null
        || destaging.isUnderWay()
        || resizing.isUnderWay()
        || fencesUnderWay > 0
        || journal.isSyncing()
        || reads.areUnderWay()
        || cache != null && cache.isUnderWay()) {
      return;
    }
    Runnable done = whenStopped;
    whenStopped = null;
    loop.offLoop(
        () -> {
          journal.close();
          catalogue.close();
          if (cache != null) {
            cache.close();
          }
          done.run();
        });
  }
}
