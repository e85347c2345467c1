package io.cairn.storage.journal;

import io.cairn.storage.cache.CacheIndex;
import io.cairn.storage.cache.ReadCache;
import io.cairn.storage.cache.VolumeShares;
import io.cairn.storage.chunk.CapacityTier;
import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.replication.ShardStore;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import java.io.IOException;
import java.util.ArrayDeque;
import org.agrona.DirectBuffer;
import org.agrona.collections.LongArrayList;

/**
 * The reading half of a store: has the pages of the index that it needs loaded, copies blocks from
 * the journal's memory, and fetches the others from the capacity tier off the loop. Every block is
 * compared with its checksum before it is given out.
 */
final class StoreReads {
  /**
   * A block of the capacity tier may be overwritten by the destager while it is read; its checksum
   * then fails once or twice, and is right when it is looked up anew. Rot fails every time.
   */
  private static final int ATTEMPTS = 4;

  /**
   * Larger reads would keep the loop from other requests; and are what slow devices are good at, so
   * that they are not taken into the read cache.
   */
  private static final int CACHED_BLOCKS_MAX = 64;

  /** Objects that are kept for later reads; more are left to the collector. */
  private static final int READS_KEPT_MAX = 256;

  /** The store, as its reading half sees it; on the loop. */
  interface Host {
    /** Whether answers are to be dropped. */
    boolean isClosed();

    /** The shard cannot go on. */
    void onFailed(String reason);

    /** Work of another thread has ended. */
    void onIdle();
  }

  private final Journal journal;
  private final LiveIndex index;
  private final CapacityTier tier;

  /** Or null. */
  private final ReadCache cache;

  private final VolumeShares shares;
  private final StoreLoop loop;
  private final Payloads payloads;
  private final StoreCounters counters;
  private final Host host;
  private final Crc32c crc = new Crc32c();
  private final PageLoads loads;
  private final LongArrayList list = new LongArrayList();
  private final ArrayDeque<TierRead> unused = new ArrayDeque<>();

  private final Verifications verifications;
  private final ReadsAhead ahead;

  private int[] crcs = new int[Page.BLOCKS];
  private long[] versions = new long[Page.BLOCKS];

  /** Of the read cache, for the blocks of a read that are in the tier. */
  private int[] slots = new int[Page.BLOCKS];

  private int underWay;

  StoreReads(
      Journal journal,
      LiveIndex index,
      Catalogue catalogue,
      CapacityTier tier,
      ReadCache cache,
      VolumeShares shares,
      StoreLoop loop,
      Payloads payloads,
      StoreCounters counters,
      StoreSettings settings,
      Host host) {
    this.journal = journal;
    this.index = index;
    this.tier = tier;
    this.cache = cache;
    this.shares = shares;
    this.loop = loop;
    verifications = new Verifications(loop);
    ahead = new ReadsAhead(tier, loop, settings, counters, host);
    loads = new PageLoads(index, catalogue, loop, settings, host);
    this.payloads = payloads;
    this.counters = counters;
    this.host = host;
  }

  /** Whether other threads work for a read. */
  boolean areUnderWay() {
    return underWay > 0 || loads.areUnderWay() || ahead.areUnderWay();
  }

  /** Whether all pages of the range are in memory; when not, they are loaded, and then told. */
  boolean isLoaded(IndexedChunk chunk, int blockOffset, int blockCount, Runnable whenLoaded) {
    return loads.isLoaded(chunk, blockOffset, blockCount, whenLoaded);
  }

  void read(IndexedChunk chunk, int blockOffset, int blockCount, ShardStore.ReadSink sink) {
    read(chunk, blockOffset, blockCount, sink, ATTEMPTS, false);
  }

  /**
   * Says what is known of blocks, without a payload; with {@code data} they are read from the
   * device and compared with it, one request after the other: a scrub has time.
   */
  void verify(IndexedChunk chunk, int block, int count, boolean data, ShardStore.ReadSink sink) {
    if (!data) {
      sums(chunk, block, count, sink);
      return;
    }
    verifications.add(
        sink, each -> read(chunk, block, count, each, ATTEMPTS, true), host::isClosed);
  }

  private void sums(IndexedChunk chunk, int block, int count, ShardStore.ReadSink sink) {
    if (chunk.gone) {
      sink.onUnreadable(block, "the chunk is in the trash");
      return;
    }
    if (!loads.areThere(chunk, block, count)) {
      loads.load(chunk, block, count, () -> sums(chunk, block, count, sink));
      return;
    }
    makeRoom(count);
    for (int i = 0; i < count; i++) {
      LivePage page = index.page(chunk, (block + i) / Page.BLOCKS);
      crcs[i] = page.crc((block + i) % Page.BLOCKS);
      versions[i] = page.version((block + i) % Page.BLOCKS);
    }
    sink.onBlocks(crcs, versions, null);
  }

  private void makeRoom(int count) {
    if (crcs.length < count) {
      crcs = new int[count];
      versions = new long[count];
      slots = new int[count];
    }
  }

  private void read(
      IndexedChunk chunk,
      int block,
      int count,
      ShardStore.ReadSink sink,
      int attempts,
      boolean verifies) {
    if (chunk.gone) {
      sink.onUnreadable(block, "the chunk is in the trash");
      return;
    }
    if (!loads.areThere(chunk, block, count)) {
      loads.load(chunk, block, count, () -> read(chunk, block, count, sink, attempts, verifies));
      return;
    }
    makeRoom(count);
    Payloads.Writable payload = payloads.allocateUnset(count * Frame.BLOCK_BYTES);
    boolean allHere;
    try {
      allHere = copyFromJournal(chunk, block, count, payload);
    } catch (InternalError e) {
      // What a device that cannot be read becomes behind a mapped file.
      payload.release();
      host.onFailed("the journal's device failed: " + e.getMessage());
      sink.onUnreadable(block, "the journal's device failed");
      return;
    }
    if (allHere) {
      deliver(block, count, payload, sink);
    } else {
      readTier(chunk, block, count, payload, sink, attempts, verifies);
    }
  }

  /** Copies what the journal has; true when that, and zeroes, is all. */
  private boolean copyFromJournal(
      IndexedChunk chunk, int block, int count, Payloads.Writable payload) {
    boolean allHere = true;
    for (int i = 0; i < count; i++) {
      LivePage page = index.page(chunk, (block + i) / Page.BLOCKS);
      int at = (block + i) % Page.BLOCKS;
      crcs[i] = page.crc(at);
      versions[i] = page.version(at);
      long place = page.place(at);
      int target = payload.offset() + i * Frame.BLOCK_BYTES;
      if (place >= journal.tailLsn()) {
        payload
            .mutable()
            .putBytes(target, journal.segment(place), journal.offset(place), Frame.BLOCK_BYTES);
      } else if (isInTier(place)) {
        allHere = false;
      } else {
        payload.mutable().setMemory(target, Frame.BLOCK_BYTES, (byte) 0);
      }
    }
    return allHere;
  }

  /** What the journal has given up since is in the capacity tier: nobody rewrites the place. */
  private boolean isInTier(long place) {
    return place == Page.TIER || place > 0 && place < journal.tailLsn();
  }

  private void deliver(int block, int count, Payloads.Writable payload, ShardStore.ReadSink sink) {
    int bad = firstBad(crc, payload, crcs, count);
    if (bad >= 0) {
      counters.unreadableBlocks++;
      sink.onUnreadable(block + bad, "checksum of a block in the journal");
    } else {
      sink.onBlocks(crcs, versions, payload);
    }
    payload.release();
  }

  private static int firstBad(Crc32c crc, Payloads.Writable payload, int[] expected, int count) {
    DirectBuffer bytes = payload.buffer();
    for (int i = 0; i < count; i++) {
      int start = payload.offset() + i * Frame.BLOCK_BYTES;
      if (crc.of(bytes, start, Frame.BLOCK_BYTES) != expected[i]) {
        return i;
      }
    }
    return -1;
  }

  /** A read that left the loop: what it needs, as it was when it left. Used again after that. */
  private final class TierRead implements Runnable {
    private final Runnable ended = this::ended;
    private final Crc32c crc = new Crc32c();
    private IndexedChunk chunk;
    private int block;
    private int count;
    private boolean[] inTier = new boolean[1];
    private int[] crcs = new int[1];
    private long[] versions = new long[1];
    private int[] slots = new int[1];
    private boolean fromCache;
    private Payloads.Writable payload;
    private ShardStore.ReadSink sink;
    private int attempts;

    /** From the device itself, and with less haste than what clients wait for. */
    private boolean verifies;

    private int bad;
    private String problem;

    /** On the loop. */
    void begin(
        IndexedChunk of,
        int firstBlock,
        int blockCount,
        Payloads.Writable target,
        ShardStore.ReadSink answer,
        boolean inCache,
        int attemptsLeft,
        boolean isVerification) {
      fromCache = inCache;
      chunk = of;
      verifies = isVerification;
      block = firstBlock;
      count = blockCount;
      payload = target;
      sink = answer;
      attempts = attemptsLeft;
      if (inTier.length < count) {
        inTier = new boolean[count];
        crcs = new int[count];
        versions = new long[count];
        slots = new int[count];
      }
      System.arraycopy(StoreReads.this.slots, 0, slots, 0, count);
      for (int i = 0; i < count; i++) {
        inTier[i] = isInTier(chunk, block + i);
      }
      System.arraycopy(StoreReads.this.crcs, 0, crcs, 0, count);
      System.arraycopy(StoreReads.this.versions, 0, versions, 0, count);
      if (verifies) {
        loop.inBackground(this);
      } else {
        loop.offLoop(this);
      }
    }

    /** Off the loop. */
    @Override
    public void run() {
      problem = null;
      bad = -1;
      try {
        fetch();
        bad = firstBad(crc, payload, crcs, count);
      } catch (IOException | RuntimeException | Error e) {
        problem = e.toString();
      }
      loop.onLoop(ended);
    }

    private void fetch() throws IOException {
      int i = 0;
      while (i < count) {
        if (!inTier[i]) {
          i++;
          continue;
        }
        int end = i + 1;
        while (end < count && inTier[end]) {
          end++;
        }
        int target = payload.offset() + i * Frame.BLOCK_BYTES;
        if (fromCache) {
          cache.read(slots[i], payload.mutable(), target);
          i++;
        } else if (verifies) {
          tier.readDevice(chunk.id, block + i, end - i, payload.mutable(), target);
          i = end;
        } else {
          tier.read(chunk.id, block + i, end - i, payload.mutable(), target);
          i = end;
        }
      }
    }

    private void offer() {
      for (int i = 0; i < count; i++) {
        if (inTier[i]) {
          int source = payload.offset() + i * Frame.BLOCK_BYTES;
          cache.offer(
              chunk.volumeId(), key(chunk, block + i), versions[i], payload.mutable(), source);
        }
      }
    }

    /** On the loop. */
    private void ended() {
      underWay--;
      if (host.isClosed()) {
        payload.release();
        host.onIdle();
        return;
      }
      if (problem == null && bad < 0) {
        if (mayBeCached(chunk) && !fromCache && !verifies && count <= CACHED_BLOCKS_MAX) {
          offer();
        }
        sink.onBlocks(crcs, versions, payload);
        payload.release();
      } else {
        payload.release();
        if (fromCache && bad >= 0 && inTier[bad]) {
          cache.bad(key(chunk, block + bad), slots[bad]);
        }
        if (attempts > 1) {
          read(chunk, block, count, sink, attempts - 1, verifies);
        } else {
          counters.unreadableBlocks++;
          sink.onUnreadable(
              block + Math.max(0, bad),
              problem != null ? problem : "checksum of a block in the capacity tier");
        }
      }
      chunk = null;
      payload = null;
      sink = null;
      if (unused.size() < READS_KEPT_MAX) {
        unused.push(this);
      }
    }
  }

  private static long key(IndexedChunk chunk, int block) {
    return CacheIndex.key(chunk.volumeId(), chunk.layer(), chunk.index(), block);
  }

  private boolean mayBeCached(IndexedChunk chunk) {
    return cache != null && shares.of(chunk.volumeId()).tier().mayBeReadCached();
  }

  /** Whether the read cache has all blocks that the journal has not; sets their slots. */
  private boolean isInCache(IndexedChunk chunk, int block, int count) {
    boolean all = true;
    int blocks = 0;
    for (int i = 0; i < count; i++) {
      if (isInTier(chunk, block + i)) {
        blocks++;
        slots[i] = cache.find(chunk.volumeId(), key(chunk, block + i), versions[i]);
        all &= slots[i] != CacheIndex.NONE;
      }
    }
    cache.count(chunk.volumeId(), all ? blocks : 0, all ? 0 : blocks);
    return all;
  }

  /** What of the read cache is in memory is read here and now. */
  private boolean fetchSlots(IndexedChunk chunk, int block, int count, Payloads.Writable payload) {
    if (count > CACHED_BLOCKS_MAX) {
      return false;
    }
    for (int i = 0; i < count; i++) {
      int target = payload.offset() + i * Frame.BLOCK_BYTES;
      if (isInTier(chunk, block + i) && !cache.readCached(slots[i], payload.mutable(), target)) {
        return false;
      }
    }
    return true;
  }

  private boolean isInTier(IndexedChunk chunk, int block) {
    return isInTier(index.page(chunk, block / Page.BLOCKS).place(block % Page.BLOCKS));
  }

  /** What is in the page cache is read here and now: another thread costs more than the copy. */
  private boolean fetchCached(IndexedChunk chunk, int block, int count, Payloads.Writable payload) {
    if (count > CACHED_BLOCKS_MAX) {
      return false;
    }
    int i = 0;
    while (i < count) {
      if (!isInTier(chunk, block + i)) {
        i++;
        continue;
      }
      int end = i + 1;
      while (end < count && isInTier(chunk, block + end)) {
        end++;
      }
      int target = payload.offset() + i * Frame.BLOCK_BYTES;
      if (!tier.readCached(chunk.id, block + i, end - i, payload.mutable(), target)) {
        return false;
      }
      i = end;
    }
    return true;
  }

  private void readTier(
      IndexedChunk chunk,
      int block,
      int count,
      Payloads.Writable payload,
      ShardStore.ReadSink sink,
      int attempts,
      boolean verifies) {
    boolean first = attempts == ATTEMPTS && !verifies;
    boolean goesOn = first && ahead.isDue(chunk, block, count);
    if (first
        && fetchCached(chunk, block, count, payload)
        && firstBad(crc, payload, crcs, count) < 0) {
      if (goesOn) {
        ahead.order(chunk);
      }
      counters.cachedReads++;
      sink.onBlocks(crcs, versions, payload);
      payload.release();
      return;
    }
    boolean mayUseCache = mayBeCached(chunk) && first;
    boolean inCache = mayUseCache && isInCache(chunk, block, count);
    if (inCache
        && fetchSlots(chunk, block, count, payload)
        && firstBad(crc, payload, crcs, count) < 0) {
      sink.onBlocks(crcs, versions, payload);
      payload.release();
      return;
    }
    counters.tierReads += inCache || verifies ? 0 : 1;
    underWay++;
    TierRead read = unused.isEmpty() ? new TierRead() : unused.pop();
    read.begin(chunk, block, count, payload, sink, inCache, attempts, verifies);
    if (first && !inCache) {
      ahead.missed();
      if (goesOn) {
        ahead.order(chunk);
      }
    }
  }

  void readVersions(IndexedChunk chunk, int block, int count, ShardStore.VersionsSink sink) {
    if (chunk.gone) {
      sink.onUnreadable(block, "the chunk is in the trash");
      return;
    }
    if (!loads.areThere(chunk, block, count)) {
      loads.load(chunk, block, count, () -> readVersions(chunk, block, count, sink));
      return;
    }
    list.clear();
    for (int i = block; i < block + count; i++) {
      list.addLong(index.page(chunk, i / Page.BLOCKS).version(i % Page.BLOCKS));
    }
    sink.onVersions(list);
  }

  void readExtents(IndexedChunk chunk, int block, int count, ShardStore.VersionsSink sink) {
    if (chunk.gone) {
      sink.onUnreadable(block, "the chunk is in the trash");
      return;
    }
    if (!loads.areThere(chunk, block, count)) {
      loads.load(chunk, block, count, () -> readExtents(chunk, block, count, sink));
      return;
    }
    list.clear();
    int start = block;
    long kind = kind(chunk, block);
    for (int i = block + 1; i <= block + count; i++) {
      long next = i < block + count ? kind(chunk, i) : -1;
      if (next != kind) {
        list.addLong(start);
        list.addLong(i - start);
        list.addLong(kind);
        start = i;
        kind = next;
      }
    }
    sink.onVersions(list);
  }

  private long kind(IndexedChunk chunk, int block) {
    LivePage page = index.page(chunk, block / Page.BLOCKS);
    long place = page.place(block % Page.BLOCKS);
    if (place == Page.HOLE && page.crc(block % Page.BLOCKS) != Page.UNREADABLE_CRC) {
      return 0;
    }
    return place == Page.ALLOCATED ? 1 : 2;
  }
}
