package io.cairn.bench.sim;

import io.cairn.storage.chunk.CapacityTier;
import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.device.OutOfSpaceException;
import io.cairn.storage.env.Region;
import io.cairn.storage.journal.SegmentSource;
import io.cairn.storage.wire.Frame;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * One shard's devices: the journal's segments, the capacity tier and the catalogue. Fault model:
 *
 * <ul>
 *   <li>A process kill keeps every write. A call of the capacity tier is whole, but the process may
 *       die between two calls of one run of the destager.
 *   <li>A power loss keeps of each 4 KiB page that was not synced, in a region as in the tier, the
 *       old bytes, the new ones, or a mixture by sectors of 512 bytes; each page by itself. What
 *       was synced stays. A sync covers what was written before it began.
 *   <li>A batch of the catalogue is whole and durable.
 *   <li>A block of the capacity tier may rot: a bit of it flips.
 *   <li>Segments of the journal are made and taken away durably and whole, but the process may die
 *       before it hears of that. There may be no room for them; a device that fails while some are
 *       taken away may have taken some of these.
 *   <li>Empty devices may be in the place of all of them after a life of the process.
 *   <li>The tier may be full for chunks, or for blocks; syncs and everything off the loop may be
 *       slow. A device that fails does so for good in that life of the process: the next write or
 *       sync, or a later one of the same run, ends with an error.
 * </ul>
 */
final class SimDevice implements CapacityTier, Catalogue, SegmentSource {
  private static final int SECTOR_BYTES = 512;
  private static final int PAGE_BYTES = Frame.BLOCK_BYTES;

  private final SimWorld world;
  private final SimRandom random;

  /** Of their own: what a seed drew before journals were resized, it draws still. */
  private final SimRandom resizes = new SimRandom(4711);

  private final List<Region> segments = new ArrayList<>();
  private final Map<ChunkId, TreeMap<Integer, byte[]>> written = new TreeMap<>();
  private final Map<ChunkId, TreeMap<Integer, byte[]>> synced = new TreeMap<>();
  private final Map<Long, Long> fences = new TreeMap<>();
  private final Map<ChunkId, Stored> chunks = new TreeMap<>();
  private final Map<ChunkId, TreeMap<Integer, byte[]>> pages = new TreeMap<>();
  private long checkpointLsn;
  private SimProcess process;

  /** Nothing more can be set aside. */
  boolean spaceless;

  /** No block can be written. */
  boolean full;

  /** Time that everything takes longer. */
  long slowNanos;

  /** Calls that still succeed before the device is gone; negative when it is well. */
  private int callsLeft = -1;

  SimDevice(SimWorld world, SimRandom random, int segmentBytes, int segmentCount) {
    this.world = world;
    this.random = random;
    for (int i = 0; i < segmentCount; i++) {
      segments.add(new Segment(segmentBytes));
    }
  }

  List<Region> segments() {
    return List.copyOf(segments);
  }

  @Override
  public List<Region> make(int count) throws IOException {
    call();
    if (spaceless) {
      throw new OutOfSpaceException("simulated");
    }
    List<Region> made = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Region segment = new Segment(segments.getFirst().sizeBytes());
      // Where an earlier one left a gap among the numbers.
      segments.add(resizes.below(segments.size() + 1), segment);
      made.add(segment);
    }
    return made;
  }

  @Override
  public void take(List<Region> taken) throws IOException {
    for (Region segment : taken) {
      if (callsLeft != 0 || resizes.oneIn(2)) {
        segments.remove(segment);
      }
    }
    call();
  }

  /** Another life of the process uses the devices, which are well. */
  void restarted(SimProcess newProcess) {
    process = newProcess;
    callsLeft = -1;
  }

  /** Empty ones are in their place. */
  void replace() {
    segments.forEach(segment -> ((Segment) segment).clear());
    written.clear();
    synced.clear();
    fences.clear();
    chunks.clear();
    pages.clear();
    checkpointLsn = 0;
  }

  void fail() {
    callsLeft = random.below(6);
  }

  boolean isFailed() {
    return callsLeft >= 0;
  }

  private void call() throws IOException {
    if (callsLeft == 0) {
      throw new IOException("simulated failure of the device");
    }
    if (callsLeft > 0) {
      callsLeft--;
    }
  }

  void losePower() {
    segments.forEach(segment -> ((Segment) segment).losePower());
    for (Map.Entry<ChunkId, TreeMap<Integer, byte[]>> chunk : written.entrySet()) {
      TreeMap<Integer, byte[]> stable =
          synced.computeIfAbsent(chunk.getKey(), id -> new TreeMap<>());
      for (Map.Entry<Integer, byte[]> block : chunk.getValue().entrySet()) {
        byte[] old = stable.getOrDefault(block.getKey(), new byte[PAGE_BYTES]);
        if (old != block.getValue()) {
          byte[] now = block.getValue().clone();
          mix(old, now, 0, PAGE_BYTES);
          stable.put(block.getKey(), now);
          block.setValue(now);
        }
      }
    }
  }

  /** Leaves in now what a power loss leaves of a page. */
  private void mix(byte[] old, byte[] now, int at, int length) {
    int fate = random.below(3);
    for (int s = at; fate < 2 && s < at + length; s += SECTOR_BYTES) {
      if (fate == 0 || random.oneIn(2)) {
        System.arraycopy(old, s, now, s, SECTOR_BYTES);
      }
    }
  }

  /** A segment of the journal. */
  private final class Segment implements Region {
    private final byte[] stable;
    private final byte[] now;
    private final UnsafeBuffer view;

    Segment(int sizeBytes) {
      stable = new byte[sizeBytes];
      now = new byte[sizeBytes];
      view = new UnsafeBuffer(now);
    }

    @Override
    public MutableDirectBuffer buffer() {
      return view;
    }

    @Override
    public boolean isMemory() {
      return true;
    }

    @Override
    public int sizeBytes() {
      return now.length;
    }

    @Override
    public void force(int offset, int length, Consumer<Throwable> onDone) {
      byte[] snapshot = Arrays.copyOfRange(now, offset, offset + length);
      long nanos = random.between(100_000L, random.oneIn(20) ? 30_000_000L : 2_000_000L);
      world.after(
          process,
          nanos + slowNanos,
          () -> {
            try {
              call();
            } catch (IOException e) {
              onDone.accept(e);
              return;
            }
            System.arraycopy(snapshot, 0, stable, offset, length);
            onDone.accept(null);
          });
    }

    @Override
    public void close(boolean forced) {}

    void clear() {
      Arrays.fill(stable, (byte) 0);
      Arrays.fill(now, (byte) 0);
    }

    void losePower() {
      for (int at = 0; at < now.length; at += PAGE_BYTES) {
        int length = Math.min(PAGE_BYTES, now.length - at);
        if (!Arrays.equals(stable, at, at + length, now, at, at + length)) {
          mix(stable, now, at, length);
        }
      }
      System.arraycopy(now, 0, stable, 0, now.length);
    }
  }

  /** Flips a bit of a stored block; false when there is none. */
  boolean rot(ChunkId id, int block) {
    byte[] bytes = written.getOrDefault(id, new TreeMap<>()).get(block);
    if (bytes == null) {
      return false;
    }
    byte[] rotten = bytes.clone();
    rotten[random.below(rotten.length)] ^= 0x10;
    written.get(id).put(block, rotten);
    synced.computeIfAbsent(id, x -> new TreeMap<>()).put(block, rotten);
    return true;
  }

  @Override
  public boolean reserve(long sizeBytes) {
    return !spaceless;
  }

  @Override
  public void adopt(long sizeBytes) {}

  @Override
  public void write(ChunkId chunk, int block, int count, DirectBuffer source, int offset)
      throws IOException {
    call();
    if (full) {
      throw new OutOfSpaceException("simulated");
    }
    TreeMap<Integer, byte[]> blocks = written.computeIfAbsent(chunk, id -> new TreeMap<>());
    for (int i = 0; i < count; i++) {
      byte[] bytes = new byte[PAGE_BYTES];
      source.getBytes(offset + i * PAGE_BYTES, bytes);
      blocks.put(block + i, bytes);
    }
  }

  @Override
  public void zero(ChunkId chunk, int block, int count, boolean allocate) throws IOException {
    call();
    TreeMap<Integer, byte[]> blocks = written.computeIfAbsent(chunk, id -> new TreeMap<>());
    for (int i = 0; i < count; i++) {
      blocks.put(block + i, new byte[PAGE_BYTES]);
    }
  }

  @Override
  public void read(ChunkId chunk, int block, int count, MutableDirectBuffer target, int offset) {
    TreeMap<Integer, byte[]> blocks = written.getOrDefault(chunk, new TreeMap<>());
    for (int i = 0; i < count; i++) {
      byte[] bytes = blocks.getOrDefault(block + i, StoreModel.ZERO);
      target.putBytes(offset + i * PAGE_BYTES, bytes);
    }
  }

  @Override
  public boolean isSlow() {
    return true;
  }

  /** Changes nothing; who asks for what a chunk has not would make a real device read in vain. */
  @Override
  public void readAhead(ChunkId chunk, int block, int count) {
    Stored stored = chunks.get(chunk);
    if (block < 0 || count < 1 || stored != null && block + count > stored.sizeBlocks()) {
      throw new IllegalStateException("read ahead of " + block + ", " + count + " of " + chunk);
    }
  }

  @Override
  public void sync(ChunkId chunk) throws IOException {
    call();
    TreeMap<Integer, byte[]> blocks = written.get(chunk);
    if (blocks != null) {
      synced.put(chunk, new TreeMap<>(blocks));
    }
  }

  @Override
  public void trash(ChunkId chunk, long sizeBytes) throws IOException {
    call();
    written.remove(chunk);
    synced.remove(chunk);
  }

  @Override
  public long checkpointLsn() {
    return checkpointLsn;
  }

  @Override
  public Map<Long, Long> fences() {
    return new TreeMap<>(fences);
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
    return pages.getOrDefault(chunk, new TreeMap<>()).get(page);
  }

  @Override
  public void raiseFence(long volumeId, long generation) throws IOException {
    call();
    fences.merge(volumeId, generation, Math::max);
  }

  @Override
  public void commit(Batch batch) throws IOException {
    call();
    for (ChunkId id : new TreeSet<>(batch.deleted())) {
      chunks.remove(id);
      pages.remove(id);
    }
    batch.fences().forEach((volume, fence) -> fences.merge(volume, fence, Math::max));
    batch.chunks().forEach(chunk -> chunks.put(chunk.chunk(), chunk));
    for (StoredPage page : batch.pages()) {
      pages.computeIfAbsent(page.chunk(), id -> new TreeMap<>()).put(page.page(), page.bytes());
    }
    checkpointLsn = batch.checkpointLsn();
  }

  @Override
  public void close() {}
}
