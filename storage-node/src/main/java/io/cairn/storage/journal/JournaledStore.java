package io.cairn.storage.journal;

import io.cairn.storage.chunk.CapacityTier;
import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.device.OutOfSpaceException;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.env.Region;
import io.cairn.storage.replication.ChunkEntry;
import io.cairn.storage.replication.ShardStore;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Version;
import java.io.IOException;
import java.util.List;
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
  private static final int EVICT_CHUNKS = 16;

  private final Journal journal;
  private final ShardIndex index;
  private final Catalogue catalogue;
  private final CapacityTier tier;
  private final StoreLoop loop;
  private final StoreSettings settings;
  private final Destager destager;
  private final StoreReads reads;
  private final StoreCounters counters = new StoreCounters();
  private final TreeSet<Long> untrashed = new TreeSet<>();
  private final Journal.Recovered recovered;
  private final Runnable syncAfterDelay = this::syncAfterDelay;
  private Listener listener = new NobodyYet();
  private Runnable whenStopped;

  /** What goes to the trash up to here is destaged although there is room, to give space back. */
  private long flushLsn;

  /** Fences that are on their way into the catalogue. */
  private int fencesUnderWay;

  private boolean syncArmed;
  private boolean roomWanted;
  private boolean destaging;
  private boolean draining;
  private boolean retryArmed;

  /** Which device had no room at the last try to destage, as the system says; null if both had. */
  private String fullReason;

  private boolean closed;
  private String failure;

  private JournaledStore(
      Journal journal,
      Journal.Recovered recovered,
      ShardIndex index,
      Catalogue catalogue,
      CapacityTier tier,
      StoreLoop loop,
      Payloads payloads,
      StoreSettings settings) {
    this.journal = journal;
    this.recovered = recovered;
    this.index = index;
    this.catalogue = catalogue;
    this.tier = tier;
    this.loop = loop;
    this.settings = settings;
    this.destager = new Destager(journal, catalogue, tier);
    this.reads =
        new StoreReads(
            journal, index, catalogue, tier, loop, payloads, counters, settings, new ReadEvents());
    journal.listener(new JournalEvents());
    if (!index.trashed().isEmpty()) {
      index.trashed().clear();
      flushLsn = recovered.endLsn();
    }
  }

  /**
   * Recovers a shard: the state of the last checkpoint, and every record behind it up to the first
   * that is not whole. Blocks for as long as that takes; the store is used on its loop afterwards,
   * beginning with {@link #start}.
   *
   * @param ring the journal's segments, always the same in the same order.
   * @param life higher than that of any process that had this shard before.
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
      StoreSettings settings)
      throws IOException {
    Journal journal = new Journal(identity, ring);
    ShardIndex index = new ShardIndex(new RecoverySource(catalogue), false);
    catalogue.fences().forEach(index::raiseFence);
    for (Catalogue.Stored stored : catalogue.chunks()) {
      index.add(IndexedChunk.of(stored));
    }
    long[] trashedBytes = new long[1];
    Journal.Recovered recovered;
    try {
      recovered =
          journal.recover(
              catalogue.checkpointLsn(),
              life,
              record -> index.apply(record, gone -> trashedBytes[0] += gone.sizeBytes()));
    } catch (InternalError e) {
      // What a device that cannot be read becomes behind a mapped file.
      throw new IOException("the journal cannot be read: " + e.getMessage(), e);
    }
    index.dropSource();
    // What the journal sends to the trash still occupies its space until it is destaged.
    tier.adopt(trashedBytes[0]);
    for (IndexedChunk chunk : index.chunks()) {
      tier.adopt(chunk.sizeBytes());
    }
    return new JournaledStore(journal, recovered, index, catalogue, tier, loop, payloads, settings);
  }

  /** What recovery found, in one line for the log. */
  public String recoveryText() {
    return recovered.records()
        + " records of the journal behind checkpoint "
        + catalogue.checkpointLsn()
        + " up to "
        + recovered.endLsn()
        + " ("
        + recovered.endReason()
        + "), "
        + index.chunkCount()
        + " chunks";
  }

  /**
   * Whether the journal ended before a position that was durable once: that is no power loss but a
   * damaged device. What was lost comes back from the other replicas.
   */
  public boolean isJournalDamaged() {
    return recovered.lostLsn() > 0;
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

  /** Bytes of the journal that hold records which are not yet destaged. */
  public long journalUsedBytes() {
    return journal.usedBytes();
  }

  /** Size of the journal. */
  public long journalSizeBytes() {
    return journal.capacityBytes();
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
    if (!tier.reserve((long) sizeBlocks * Frame.BLOCK_BYTES)) {
      return null;
    }
    bare(JournalRecord.CREATE, 0, volumeId, layer, chunkIndex, 0, sizeBlocks, 0);
    return index.find(volumeId, layer, chunkIndex);
  }

  @Override
  public boolean hasRoom(int payloadBytes) {
    int blockCount = payloadBytes / Frame.BLOCK_BYTES;
    if (journal.hasRoom(JournalRecord.bytes(JournalRecord.FILL, blockCount))) {
      return true;
    }
    counters.roomWaits++;
    roomWanted = true;
    journal.sync();
    destageIfNeeded();
    return false;
  }

  @Override
  public boolean isFull() {
    return fullReason != null;
  }

  /** Why {@link #isFull}, for people; null when it is not. */
  public String fullReason() {
    return fullReason;
  }

  @Override
  public boolean isLoaded(ChunkEntry chunk, int blockOffset, int blockCount) {
    return reads.isLoaded((IndexedChunk) chunk, blockOffset, blockCount, this::room);
  }

  @Override
  public void appendWrite(
      ChunkEntry chunk,
      long version,
      int blockOffset,
      int blockCount,
      DirectBuffer crcs,
      int crcOffset,
      DirectBuffer payload,
      int payloadOffset) {
    blocks(
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
    flushLsn = journal.headLsn();
    listener.onTrashed(volumeId);
  }

  /** A record of a chunk that is gone would stop the next recovery. */
  private static void requireThere(IndexedChunk chunk) {
    if (chunk.gone) {
      throw new IllegalStateException("chunk " + chunk.id + " is in the trash");
    }
  }

  private void blocks(
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
      return;
    }
    try {
      appended(
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
              payloadOffset));
    } catch (InternalError e) {
      memoryFailed(e);
    }
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
    counters.appendedRecords++;
    counters.appendedBytes += record.recordBytes();
    try {
      index.apply(record, gone -> {});
    } catch (RuntimeException e) {
      // The log has what the index has not: only a recovery brings them together again.
      fail("a record was not applied: " + e.getMessage());
      throw e;
    }
    if (journal.headLsn() - journal.durableLsn() >= settings.syncBytes()) {
      journal.sync();
      destageIfNeeded();
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
      destageIfNeeded();
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

  private final class ReadEvents implements StoreReads.Host {
    @Override
    public boolean isClosed() {
      return closed;
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

  /** Hears nothing, until the shard is started. */
  private static final class NobodyYet implements Listener {
    @Override
    public void onDurable(long durableLsn) {}

    @Override
    public void onRoom() {}

    @Override
    public void onFailed(String reason) {}
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
    while (!untrashed.isEmpty() && hasRoom(0)) {
      trashVolume(untrashed.pollFirst());
    }
    listener.onRoom();
  }

  private void destageIfNeeded() {
    long percent = journal.usedBytes() * 100 / journal.capacityBytes();
    boolean flushing = flushLsn > journal.tailLsn();
    if (percent >= settings.destageAbove() || roomWanted || flushing) {
      draining = true;
    } else if (percent <= settings.destageBelow()) {
      draining = false;
    }
    if (failure != null || closed) {
      return;
    }
    if (flushing && flushLsn > segmentStart(journal.headLsn())) {
      // Only whole segments are destaged; the record that opens the next one is synced soon.
      rollSegment();
    }
    if (draining && !destaging && !retryArmed) {
      destage();
    }
  }

  private long segmentStart(long lsn) {
    return lsn / journal.segmentBytes() * journal.segmentBytes();
  }

  private void rollSegment() {
    try {
      if (journal.roll() && !syncArmed && !journal.isSyncing()) {
        armSync();
      }
    } catch (InternalError e) {
      memoryFailed(e);
    }
  }

  private void destage() {
    long from = journal.tailLsn();
    long most = (from / journal.segmentBytes() + settings.destageSegmentsMax());
    long to = Math.min(journal.destageableLsn(), most * journal.segmentBytes());
    if (to <= from) {
      return;
    }
    destaging = true;
    loop.offLoop(
        () -> {
          try {
            Destager.Outcome outcome = destager.run(from, to);
            loop.onLoop(() -> destaged(outcome));
          } catch (OutOfSpaceException e) {
            loop.onLoop(() -> destageStalled(e.getMessage()));
          } catch (IOException | RuntimeException | Error e) {
            loop.onLoop(() -> destageFailed(e));
          }
        });
  }

  private void destaged(Destager.Outcome outcome) {
    destaging = false;
    if (closed) {
      closeIfIdle();
      return;
    }
    counters.destageRuns++;
    counters.destagedBlocks += outcome.blocks();
    counters.rottenBlocks += outcome.rottenBlocks();
    for (Destager.Moved moved : outcome.pages()) {
      ChunkId id = moved.chunk();
      IndexedChunk chunk = index.find(id.volumeId(), id.layer(), id.index());
      if (chunk != null) {
        chunk.setStored(moved.page());
      }
    }
    fullReason = null;
    journal.free(outcome.lsn());
    index.evictSome(EVICT_CHUNKS, settings.pagesMax(), journal.tailLsn());
    roomWanted = false;
    room();
    destageIfNeeded();
  }

  private void destageStalled(String reason) {
    destaging = false;
    counters.destageStalls++;
    closeIfIdle();
    if (!closed) {
      retryArmed = true;
      if (fullReason == null) {
        fullReason = reason;
        room();
      }
      loop.later(
          settings.retryNanos(),
          () -> {
            retryArmed = false;
            destageIfNeeded();
          });
    }
  }

  private void destageFailed(Throwable problem) {
    destaging = false;
    fail("destaging failed: " + problem);
    closeIfIdle();
  }

  /** Syncs what was appended, then closes; on the loop, whatever comes later is dropped. */
  public void stop(Runnable done) {
    whenStopped = done;
    if (failure != null || journal.durableLsn() == journal.headLsn()) {
      closed = true;
      closeIfIdle();
    } else {
      journal.sync();
    }
  }

  /** What other threads still do ends before the files are closed under it. */
  private void closeIfIdle() {
    if (!closed
        || whenStopped == null
        || destaging
        || fencesUnderWay > 0
        || journal.isSyncing()
        || reads.areUnderWay()) {
      return;
    }
    Runnable done = whenStopped;
    whenStopped = null;
    loop.offLoop(
        () -> {
          journal.close();
          catalogue.close();
          done.run();
        });
  }

  /** Pages as of the checkpoint, for recovery, which may block. */
  private record RecoverySource(Catalogue catalogue) implements ShardIndex.Source {
    @Override
    public Page page(IndexedChunk chunk, int page) {
      return ShardIndex.stored(catalogue, chunk.id, page, false);
    }

    @Override
    public IndexedChunk chunk(ChunkId id) {
      return null;
    }

    @Override
    public List<ChunkId> chunksOf(long volumeId) {
      return List.of();
    }
  }
}
