package io.cairn.bench.sim;

import io.cairn.storage.cache.CacheDevice;
import io.cairn.storage.wire.Frame;
import java.io.IOException;
import java.util.Arrays;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * The device of a read cache, at most one page of entries large. Fault model: a process kill keeps
 * every write that was made. A power loss leaves of each block, and of the page of entries, what
 * was written at some earlier time or now, each by itself, or a mixture: nothing is ever synced. A
 * block may rot.
 */
final class SimReadCache implements CacheDevice {
  private static final int SECTOR_BYTES = 512;
  private static final int ROT_ONE_IN = 300;

  private final SimRandom random;
  private byte[][] now;
  private byte[][] before;

  /** All zeroes; the entries stand before the slots. */
  SimReadCache(SimRandom random, int slots) {
    this.random = random;
    now = new byte[slots + 1][Frame.BLOCK_BYTES];
    before = new byte[slots + 1][Frame.BLOCK_BYTES];
  }

  void losePower() {
    for (int i = 0; i < now.length; i++) {
      int fate = random.below(3);
      for (int at = 0; fate < 2 && at < Frame.BLOCK_BYTES; at += SECTOR_BYTES) {
        if (fate == 0 || random.oneIn(2)) {
          System.arraycopy(before[i], at, now[i], at, SECTOR_BYTES);
        }
      }
      before[i] = now[i].clone();
    }
  }

  private void put(int place, DirectBuffer source, int offset) {
    if (random.oneIn(2)) {
      before[place] = now[place].clone();
    }
    source.getBytes(offset, now[place]);
    if (random.oneIn(ROT_ONE_IN)) {
      now[place][random.below(Frame.BLOCK_BYTES)] ^= 0x20;
    }
  }

  @Override
  public int slots() {
    return now.length - 1;
  }

  @Override
  public void resize(int slots) throws IOException {
    if (random.oneIn(8)) {
      throw new IOException("simulated");
    }
    now = resized(now, slots + 1);
    before = resized(before, slots + 1);
  }

  private static byte[][] resized(byte[][] of, int count) {
    byte[][] resized = Arrays.copyOf(of, count);
    for (int i = of.length; i < count; i++) {
      resized[i] = new byte[Frame.BLOCK_BYTES];
    }
    return resized;
  }

  /** A slot that was given back meanwhile is zeroes, as behind the end of a file. */
  @Override
  public void read(int slot, MutableDirectBuffer target, int offset) {
    target.putBytes(offset, slot + 1 < now.length ? now[slot + 1] : StoreModel.ZERO);
  }

  @Override
  public boolean readCached(int slot, MutableDirectBuffer target, int offset) {
    if (random.oneIn(2)) {
      return false;
    }
    read(slot, target, offset);
    return true;
  }

  @Override
  public void write(int slot, int count, DirectBuffer source, int offset) {
    for (int i = 0; i < count; i++) {
      put(slot + 1 + i, source, offset + i * Frame.BLOCK_BYTES);
    }
  }

  @Override
  public void readEntries(int page, MutableDirectBuffer target, int offset) {
    read(-1, target, offset);
  }

  @Override
  public void writeEntries(int page, DirectBuffer source, int offset) {
    put(0, source, offset);
  }

  @Override
  public void close() {}
}
