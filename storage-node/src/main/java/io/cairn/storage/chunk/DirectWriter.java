package io.cairn.storage.chunk;

import io.cairn.storage.device.DirectBatch;
import io.cairn.storage.device.NativeFile;
import io.cairn.storage.wire.Frame;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.agrona.DirectBuffer;

/**
 * Writes blocks past the page cache, many at one time. A file system without direct transfers gets
 * them through the cache.
 */
final class DirectWriter implements CapacityTier.Writer {
  /** Files that a run holds open at one time; it syncs them before it goes on to others. */
  static final int HELD_MAX = 512;

  private final FileCapacityTier tier;
  private final ChunkFiles files;
  private final DirectBatch batch;
  private final BlockCheck check = new BlockCheck();
  private final Map<ChunkId, ChunkFiles.Opened> held = new LinkedHashMap<>();
  private boolean sourcesStay;

  /** Takes the batch for itself until it is closed; {@link FileCapacityTier} gets it back. */
  DirectWriter(FileCapacityTier tier, ChunkFiles files, DirectBatch batch) {
    this.tier = tier;
    this.files = files;
    this.batch = batch;
  }

  @Override
  public void sourcesStay() {
    sourcesStay = true;
  }

  @Override
  public int write(
      ChunkId chunk,
      int blockOffset,
      int blockCount,
      DirectBuffer source,
      int offset,
      int[] crcs,
      int crcOffset)
      throws IOException {
    ChunkFiles.Opened opened = hold(chunk);
    long position = (long) blockOffset * Frame.BLOCK_BYTES;
    NativeFile direct = opened.direct(position + (long) blockCount * Frame.BLOCK_BYTES);
    if (direct == null) {
      tier.write(chunk, blockOffset, blockCount, source, offset);
      return check.badMapped(source, offset, blockCount, crcs, crcOffset);
    }
    int bad = 0;
    int blocksMax = batch.capacityBytes() / Frame.BLOCK_BYTES;
    int done = 0;
    while (done < blockCount) {
      int blocks = Math.min(blockCount - done, blocksMax);
      int at = done * Frame.BLOCK_BYTES;
      int bytes = blocks * Frame.BLOCK_BYTES;
      long address = source.addressOffset() + offset + at;
      if (sourcesStay && address % NativeFile.DIRECT_ALIGNMENT == 0) {
        if (!batch.addInPlace(direct, position + at, address, bytes)) {
          batch.run();
          continue;
        }
        bad += check.bad(source, offset + at, blocks, crcs, crcOffset + done);
      } else {
        int copy = batch.add(direct, position + at, source, offset + at, bytes);
        if (copy < 0) {
          batch.run();
          continue;
        }
        // The copy is in the processor's cache: to look at it here costs no second pass over
        // memory.
        bad += check.bad(batch.memory(), copy, blocks, crcs, crcOffset + done);
      }
      done += blocks;
    }
    return bad;
  }

  private ChunkFiles.Opened hold(ChunkId chunk) throws IOException {
    ChunkFiles.Opened known = held.get(chunk);
    if (known == null) {
      if (held.size() == HELD_MAX) {
        sync();
        leaveAll();
      }
      known = files.acquire(chunk, true);
      known.dirty = true;
      held.put(chunk, known);
    }
    return known;
  }

  @Override
  public void zero(ChunkId chunk, int blockOffset, int blockCount, boolean allocate)
      throws IOException {
    if (allocate || held.containsKey(chunk) || tier.hasFile(chunk)) {
      hold(chunk);
      tier.zero(chunk, blockOffset, blockCount, allocate);
    }
  }

  @Override
  public void sync() throws IOException {
    batch.run();
    files.sync(held.values());
  }

  @Override
  public void close() {
    batch.clear();
    leaveAll();
    tier.giveBack(batch);
  }

  private void leaveAll() {
    held.values().forEach(files::leaveQuietly);
    held.clear();
  }
}
