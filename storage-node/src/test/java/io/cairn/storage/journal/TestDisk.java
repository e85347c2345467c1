package io.cairn.storage.journal;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.cache.CacheDevice;
import io.cairn.storage.chunk.CapacityTier;
import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.device.OutOfSpaceException;
import io.cairn.storage.env.Region;
import io.cairn.storage.wire.Frame;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A node's devices in memory. The fault model: a process kill keeps every write; a power loss keeps
 * of each 4 KiB page of a region, and of each block of the capacity tier, that was not synced the
 * old bytes, the new ones, or a mixture by 512-byte sectors. Batches of the catalogue are whole and
 * durable. A device may stop half-way through a run of the destager. Segments are made and taken
 * away durably; where that fails, one that was to be taken may be there or not.
 */
final class TestDisk implements CapacityTier, Catalogue, SegmentSource {
  private static final int SECTOR_BYTES = 512;

  final List<MemoryRegion> regions = new ArrayList<>();
  final Random random;
  private final TestLoop loop;

  /** Blocks that were asked for ahead of readers. */
  int aheadBlocks;

  private final Map<ChunkId, byte[]> volatileBlocks = new TreeMap<>();
  private final Map<ChunkId, byte[]> stableBlocks = new TreeMap<>();
  private final Set<ChunkId> unsynced = new LinkedHashSet<>();
  private final Map<Long, Long> fences = new TreeMap<>();
  private final Map<ChunkId, Stored> chunks = new TreeMap<>();
  private final Map<String, byte[]> pages = new HashMap<>();
  private long checkpointLsn;
  private long reservedBytes;

  /** Chunk bytes that the tier takes; the others find it full. */
  long capacityBytes = Long.MAX_VALUE;

  /** Calls of the tier that still succeed before the process dies; negative for no death. */
  int callsLeft = -1;

  /** What the next sync of a region ends with, or null. */
  Throwable forceFailure;

  /** What the next sync of a chunk throws, or null. */
  IOException syncFailure;

  /** Runs when the catalogue is closed. */
  Runnable onClose = () -> {};

  /** The tier refuses writes for lack of space. */
  boolean full;

  /** The read cache, or null. */
  MemoryCache cache;

  TestDisk(TestLoop loop, Random random, int segmentBytes, int segmentCount) {
    this.loop = loop;
    this.random = random;
    for (int i = 0; i < segmentCount; i++) {
      regions.add(new MemoryRegion(segmentBytes));
    }
  }

  /** Whether segments cannot be made, or taken away. */
  boolean refusesSegments;

  @Override
  public List<Region> make(int count) throws IOException {
    if (refusesSegments) {
      throw new IOException("no room for segments");
    }
    List<Region> made = new ArrayList<>();
    int segmentBytes = regions.getFirst().sizeBytes();
    for (int i = 0; i < count; i++) {
      MemoryRegion region = new MemoryRegion(segmentBytes);
      // Into a gap that an earlier one left.
      regions.add(random.nextInt(regions.size() + 1), region);
      made.add(region);
    }
    return made;
  }

  @Override
  public void take(List<Region> segments) throws IOException {
    for (Region segment : segments) {
      if (!refusesSegments || random.nextBoolean()) {
        assertTrue(regions.remove(segment), "one that is not the journal's");
      }
    }
    if (refusesSegments) {
      throw new IOException("the device failed");
    }
  }

  /** Slots and entries in memory; a power loss leaves of each write what it likes. */
  final class MemoryCache implements CacheDevice {
    private int slots;
    private byte[] stable;
    private UnsafeBuffer bytes;

    MemoryCache(int slots) {
      this.slots = slots;
      stable = new byte[(slots + 1) * Frame.BLOCK_BYTES];
      bytes = new UnsafeBuffer(new byte[stable.length]);
    }

    @Override
    public int slots() {
      return slots;
    }

    @Override
    public void resize(int newSlots) throws IOException {
      if (random.nextInt(8) == 0) {
        throw new IOException("no room for slots");
      }
      slots = newSlots;
      stable = Arrays.copyOf(stable, (slots + 1) * Frame.BLOCK_BYTES);
      bytes = new UnsafeBuffer(Arrays.copyOf(bytes.byteArray(), stable.length));
    }

    @Override
    public void read(int slot, MutableDirectBuffer target, int offset) {
      if (slot >= slots) {
        target.setMemory(offset, Frame.BLOCK_BYTES, (byte) 0);
        return;
      }
      target.putBytes(offset, bytes, (slot + 1) * Frame.BLOCK_BYTES, Frame.BLOCK_BYTES);
    }

    @Override
    public boolean readCached(int slot, MutableDirectBuffer target, int offset) {
      if (random.nextBoolean()) {
        read(slot, target, offset);
        return true;
      }
      return false;
    }

    @Override
    public void write(int slot, int count, DirectBuffer source, int offset) throws IOException {
      if (random.nextInt(500) == 0) {
        throw new IOException("the cache's device failed");
      }
      bytes.putBytes((slot + 1) * Frame.BLOCK_BYTES, source, offset, count * Frame.BLOCK_BYTES);
    }

    @Override
    public void readEntries(int page, MutableDirectBuffer target, int offset) {
      read(-1, target, offset);
    }

    @Override
    public void writeEntries(int page, DirectBuffer source, int offset) {
      bytes.putBytes(0, source, offset, Frame.BLOCK_BYTES);
    }

    @Override
    public void close() {}

    void losePower() {
      byte[] now = bytes.byteArray();
      for (int at = 0; at < now.length; at += Frame.BLOCK_BYTES) {
        mix(stable, now, at, Frame.BLOCK_BYTES);
      }
      System.arraycopy(now, 0, stable, 0, now.length);
    }
  }

  /** The process was killed in the middle of a call. */
  static final class Killed extends Error {
    private static final long serialVersionUID = 1L;
  }

  final class MemoryRegion implements Region {
    private final byte[] stable;
    private final UnsafeBuffer bytes;

    MemoryRegion(int size) {
      stable = new byte[size];
      bytes = new UnsafeBuffer(new byte[size]);
    }

    @Override
    public MutableDirectBuffer buffer() {
      return bytes;
    }

    @Override
    public boolean isMemory() {
      return true;
    }

    @Override
    public int sizeBytes() {
      return stable.length;
    }

    @Override
    public void force(int offset, int length, Consumer<Throwable> onDone) {
      byte[] snapshot = new byte[length];
      bytes.getBytes(offset, snapshot);
      loop.offLoop(
          () -> {
            Throwable failure = forceFailure;
            if (failure != null) {
              loop.onLoop(() -> onDone.accept(failure));
              return;
            }
            System.arraycopy(snapshot, 0, stable, offset, length);
            loop.onLoop(() -> onDone.accept(null));
          });
    }

    @Override
    public void close(boolean forced) {}

    void losePower() {
      byte[] now = bytes.byteArray();
      for (int at = 0; at < now.length; at += Frame.BLOCK_BYTES) {
        mix(stable, now, at, Math.min(Frame.BLOCK_BYTES, now.length - at));
      }
      System.arraycopy(now, 0, stable, 0, now.length);
    }
  }

  /** Leaves in now what a power loss leaves of a page. */
  private void mix(byte[] old, byte[] now, int at, int length) {
    int fate = random.nextInt(3);
    for (int s = at; s < at + length; s += SECTOR_BYTES) {
      if (fate == 0 || fate == 1 && random.nextBoolean()) {
        System.arraycopy(old, s, now, s, SECTOR_BYTES);
      }
    }
  }

  void losePower() {
    regions.forEach(MemoryRegion::losePower);
    if (cache != null) {
      cache.losePower();
    }
    for (ChunkId id : unsynced) {
      byte[] now = volatileBlocks.get(id);
      byte[] old = stableBlocks.computeIfAbsent(id, x -> new byte[now.length]);
      for (int at = 0; at < now.length; at += Frame.BLOCK_BYTES) {
        mix(old, now, at, Frame.BLOCK_BYTES);
      }
      stableBlocks.put(id, now.clone());
    }
    unsynced.clear();
  }

  private void call() {
    if (callsLeft == 0) {
      throw new Killed();
    }
    callsLeft--;
  }

  void rot(ChunkId id, int block) {
    volatileBlocks.get(id)[block * Frame.BLOCK_BYTES + 99] ^= 4;
  }

  boolean hasFile(ChunkId id) {
    return volatileBlocks.containsKey(id);
  }

  long reservedBytes() {
    return reservedBytes;
  }

  @Override
  public boolean reserve(long sizeBytes) {
    if (reservedBytes + sizeBytes > capacityBytes) {
      return false;
    }
    reservedBytes += sizeBytes;
    return true;
  }

  @Override
  public void adopt(long sizeBytes) {
    reservedBytes += sizeBytes;
  }

  void restarted() {
    reservedBytes = 0;
    callsLeft = -1;
  }

  private byte[] blocks(ChunkId id) {
    return volatileBlocks.computeIfAbsent(
        id, x -> new byte[JournaledStoreModelTest.CHUNK_BLOCKS * Frame.BLOCK_BYTES]);
  }

  @Override
  public void write(ChunkId chunk, int block, int count, DirectBuffer source, int offset)
      throws OutOfSpaceException {
    call();
    if (full) {
      throw new OutOfSpaceException("full");
    }
    source.getBytes(offset, blocks(chunk), block * Frame.BLOCK_BYTES, count * Frame.BLOCK_BYTES);
    unsynced.add(chunk);
  }

  @Override
  public void zero(ChunkId chunk, int block, int count, boolean allocate) {
    call();
    if (volatileBlocks.containsKey(chunk) || allocate) {
      int start = block * Frame.BLOCK_BYTES;
      Arrays.fill(blocks(chunk), start, start + count * Frame.BLOCK_BYTES, (byte) 0);
      unsynced.add(chunk);
    }
  }

  @Override
  public void read(ChunkId chunk, int block, int count, MutableDirectBuffer target, int offset) {
    target.putBytes(offset, blocks(chunk), block * Frame.BLOCK_BYTES, count * Frame.BLOCK_BYTES);
  }

  @Override
  public boolean isSlow() {
    return true;
  }

  @Override
  public void readAhead(ChunkId chunk, int block, int count) {
    int blocks = blocks(chunk).length / Frame.BLOCK_BYTES;
    if (block < 0 || count < 1 || block + count > blocks) {
      throw new IllegalStateException("read ahead of " + block + ", " + count + " of " + blocks);
    }
    aheadBlocks += count;
  }

  @Override
  public void sync(ChunkId chunk) throws IOException {
    call();
    if (syncFailure != null) {
      throw syncFailure;
    }
    if (unsynced.remove(chunk)) {
      stableBlocks.put(chunk, volatileBlocks.get(chunk).clone());
    }
  }

  @Override
  public void trash(ChunkId chunk, long sizeBytes) {
    call();
    volatileBlocks.remove(chunk);
    stableBlocks.remove(chunk);
    unsynced.remove(chunk);
    reservedBytes -= sizeBytes;
  }

  @Override
  public long checkpointLsn() {
    return checkpointLsn;
  }

  @Override
  public Map<Long, Long> fences() {
    return fences;
  }

  @Override
  public List<Stored> chunks() {
    return List.copyOf(chunks.values());
  }

  @Override
  public Stored chunk(ChunkId chunk) {
    return chunks.get(chunk);
  }

  @Override
  public byte[] page(ChunkId chunk, int page) {
    return pages.get(chunk + "/" + page);
  }

  @Override
  public void raiseFence(long volumeId, long generation) {
    fences.merge(volumeId, generation, Math::max);
  }

  @Override
  public void commit(Batch batch) {
    call();
    for (ChunkId id : batch.deleted()) {
      chunks.remove(id);
      pages.keySet().removeIf(key -> key.startsWith(id + "/"));
    }
    batch.fences().forEach((volume, fence) -> fences.merge(volume, fence, Math::max));
    batch.chunks().forEach(chunk -> chunks.put(chunk.chunk(), chunk));
    batch.pages().forEach(page -> pages.put(page.chunk() + "/" + page.page(), page.bytes()));
    checkpointLsn = batch.checkpointLsn();
  }

  void damagePage(ChunkId id, int page) {
    pages.put(id + "/" + page, new byte[17]);
  }

  @Override
  public void close() {
    onClose.run();
  }
}
