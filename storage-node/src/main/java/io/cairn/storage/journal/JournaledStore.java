package io.cairn.storage.journal;

import io.cairn.storage.chunk.CapacityTier;
import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.env.Region;
import io.cairn.storage.replication.ChunkEntry;
import io.cairn.storage.replication.ShardStore;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Version;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.TreeSet;
import org.agrona.DirectBuffer;

/**
 * One shard's store: every append goes to the journal and into the index, reads come from the
 * journal's memory or the capacity tier, and destaging keeps the journal from filling up.
 *
 * <pre>
 * OPEN --a sync or the capacity tier fails--> FAILED   nothing is accepted any more
 * OPEN --close--> CLOSED                               late answers of other threads are dropped
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
  private Listener listener;
  private Runnable whenStopped;
  private boolean syncArmed;
  private boolean roomWanted;
  private boolean destaging;
  private boolean draining;
  private boolean retryArmed;
  private boolean failed;
  private boolean closed;

  private JournaledStore(
      Journal journal,
      ShardIndex index,
      Catalogue catalogue,
      CapacityTier tier,
      StoreLoop loop,
      Payloads payloads,
      StoreSettings settings) {
    this.journal = journal;
    this.index = index;
    this.catalogue = catalogue;
    this.tier = tier;
    this.loop = loop;
    this.settings = settings;
    this.destager = new Destager(journal, catalogue, tier);
    this.reads =
        new StoreReads(
            journal, index, catalogue, tier, loop, payloads, counters, this::isClosed, this::fail);
  }

  /**
   * Recovers a shard: the state of the last checkpoint, and every record behind it up to the first
   * that is not whole. Blocks for as long as that takes; the store is used on its loop afterwards,
   * beginning with {@link #start}.
   *
   * @param ring the journal's segments, always the same in the same order.
   * @param life higher than that of any process that had this shard before.
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
    catalogue.fences().forEach(index::setFence);
    for (Catalogue.Stored stored : catalogue.chunks()) {
      index.add(IndexedChunk.of(stored));
    }
    // What the journal sends to the trash still occupies its space until it is destaged.
    journal.recover(
        catalogue.checkpointLsn(),
        life,
        record -> index.apply(record, gone -> tier.adopt(gone.sizeBytes())));
    index.dropSource();
    for (IndexedChunk chunk : index.chunks()) {
      tier.adopt(chunk.sizeBytes());
    }
    return new JournaledStore(journal, index, catalogue, tier, loop, payloads, settings);
  }

  /** Begins to serve; what was recovered is synced first, as it may be in the page cache only. */
  public void start(Listener shard) {
    listener = shard;
    journal.listener(new JournalEvents());
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

  /** Volumes of which the shard holds chunks, in order; on the loop. */
  public TreeSet<Long> volumes() {
    TreeSet<Long> volumes = new TreeSet<>();
    for (IndexedChunk chunk : index.chunks()) {
      volumes.add(chunk.volumeId());
    }
    return volumes;
  }

  private boolean isClosed() {
    return closed;
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
    appended(
        journal.appendBlocks(
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
            payloadOffset));
  }

  @Override
  public void appendZero(
      ChunkEntry chunk, long version, int blockOffset, int blockCount, boolean allocate) {
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
    appended(
        journal.appendBlocks(
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
            payloadOffset));
  }

  @Override
  public void appendSyncBegin(ChunkEntry chunk, long ownerGeneration, long base) {
    if (ownerGeneration < 1 || ownerGeneration > Version.GENERATION_MAX) {
      throw new IllegalStateException("generation " + ownerGeneration);
    }
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
    bare(JournalRecord.SYNC_END, 0, chunk.volumeId(), chunk.layer(), chunk.index(), 0, 0, 0);
  }

  @Override
  public void trashVolume(long volumeId) {
    if (index.fence(volumeId) == Version.GENERATION_MAX) {
      return;
    }
    if (hasRoom(0)) {
      bare(JournalRecord.TRASH, 0, volumeId, 0, 0, 0, 0, 0);
    } else {
      untrashed.add(volumeId);
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
    appended(
        journal.appendBare(
            kind, flags, volumeId, layer, chunkIndex, argument, blockOffset, blockCount));
  }

  private void appended(JournalRecord record) {
    counters.appendedRecords++;
    counters.appendedBytes += record.recordBytes();
    index.apply(record, gone -> {});
    if (journal.headLsn() - journal.durableLsn() >= settings.syncBytes()) {
      journal.sync();
      destageIfNeeded();
    } else if (!syncArmed && !journal.isSyncing()) {
      armSync();
    }
  }

  private void armSync() {
    syncArmed = true;
    loop.later(
        settings.syncDelayNanos(),
        () -> {
          syncArmed = false;
          if (!closed) {
            journal.sync();
          }
        });
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
        return;
      }
      counters.syncs++;
      listener.onDurable(lsn);
      destageIfNeeded();
      if (journal.headLsn() > lsn && !syncArmed) {
        armSync();
      }
      if (whenStopped != null && journal.headLsn() == lsn) {
        finishStop();
      }
    }

    @Override
    public void onFailed(Throwable failure) {
      fail("sync of the journal failed: " + failure);
    }
  }

  private void fail(String reason) {
    if (!failed && !closed) {
      failed = true;
      listener.onFailed(reason);
    }
  }

  private void room() {
    if (closed || failed) {
      return;
    }
    while (!untrashed.isEmpty() && hasRoom(0)) {
      trashVolume(untrashed.pollFirst());
    }
    listener.onRoom();
  }

  private void destageIfNeeded() {
    long percent = journal.usedBytes() * 100 / journal.capacityBytes();
    if (percent >= settings.destageAbove() || roomWanted) {
      draining = true;
    } else if (percent <= settings.destageBelow()) {
      draining = false;
    }
    if (draining && !destaging && !retryArmed && !failed && !closed) {
      destage();
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
          } catch (CapacityTier.OutOfSpaceException e) {
            loop.onLoop(this::destageStalled);
          } catch (IOException | RuntimeException | Error e) {
            loop.onLoop(() -> destageFailed(e));
          }
        });
  }

  private void destaged(Destager.Outcome outcome) {
    destaging = false;
    if (closed) {
      return;
    }
    counters.destageRuns++;
    counters.destagedBlocks += outcome.blocks();
    for (Destager.Moved moved : outcome.pages()) {
      ChunkId id = moved.chunk();
      IndexedChunk chunk = index.find(id.volumeId(), id.layer(), id.index());
      if (chunk != null) {
        chunk.setStored(moved.page());
      }
    }
    journal.free(outcome.lsn());
    index.evictSome(EVICT_CHUNKS, settings.pagesMax(), journal.tailLsn());
    roomWanted = false;
    room();
    destageIfNeeded();
  }

  private void destageStalled() {
    destaging = false;
    counters.destageStalls++;
    if (!closed) {
      retryArmed = true;
      loop.later(
          settings.retryNanos(),
          () -> {
            retryArmed = false;
            destageIfNeeded();
          });
    }
  }

  private void destageFailed(Throwable failure) {
    destaging = false;
    fail("destaging failed: " + failure);
  }

  /** Syncs what was appended, then closes; on the loop, whatever comes later is dropped. */
  public void stop(Runnable done) {
    whenStopped = done;
    if (failed || journal.durableLsn() == journal.headLsn()) {
      finishStop();
    } else {
      journal.sync();
    }
  }

  /** A destage run that is under way ends before its files are closed under it. */
  private void finishStop() {
    closed = true;
    if (destaging || reads.areUnderWay()) {
      loop.later(5_000_000L, this::finishStop);
      return;
    }
    Runnable done = whenStopped;
    whenStopped = null;
    if (done != null) {
      loop.offLoop(
          () -> {
            journal.close();
            catalogue.close();
            done.run();
          });
    }
  }

  /** Pages as of the checkpoint, for recovery, which may block. */
  private record RecoverySource(Catalogue catalogue) implements ShardIndex.Source {
    @Override
    public Page page(IndexedChunk chunk, int page) {
      try {
        return Page.decode(catalogue.page(chunk.id, page), false);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
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
