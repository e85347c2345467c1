package io.cairn.storage.journal;

import io.cairn.storage.chunk.CapacityTier;
import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.replication.ShardStore;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.collections.LongArrayList;

/**
 * The reading half of a store: loads pages of the index that are not in memory, copies blocks from
 * the journal's memory, and fetches the others from the capacity tier off the loop. Every block is
 * compared with its checksum before it is given out.
 */
final class StoreReads {
  /**
   * A block of the capacity tier may be overwritten by the destager while it is read; its checksum
   * then fails once or twice, and is right when it is looked up anew. Rot fails every time.
   */
  private static final int ATTEMPTS = 4;

  private final Journal journal;
  private final ShardIndex index;
  private final Catalogue catalogue;
  private final CapacityTier tier;
  private final StoreLoop loop;
  private final Payloads payloads;
  private final StoreCounters counters;
  private final BooleanSupplier closed;
  private final Consumer<String> onFailed;
  private final Crc32c crc = new Crc32c();
  private final Map<PageKey, List<Runnable>> loads = new HashMap<>();
  private final LongArrayList list = new LongArrayList();
  private int[] crcs = new int[Page.BLOCKS];
  private long[] versions = new long[Page.BLOCKS];
  private int underWay;

  private record PageKey(IndexedChunk chunk, int page) {}

  StoreReads(
      Journal journal,
      ShardIndex index,
      Catalogue catalogue,
      CapacityTier tier,
      StoreLoop loop,
      Payloads payloads,
      StoreCounters counters,
      BooleanSupplier closed,
      Consumer<String> onFailed) {
    this.journal = journal;
    this.index = index;
    this.catalogue = catalogue;
    this.tier = tier;
    this.loop = loop;
    this.payloads = payloads;
    this.counters = counters;
    this.closed = closed;
    this.onFailed = onFailed;
  }

  /** Whether other threads work for a read. */
  boolean areUnderWay() {
    return underWay > 0;
  }

  /** Whether all pages of the range are in memory; when not, they are loaded, and then told. */
  boolean isLoaded(IndexedChunk chunk, int blockOffset, int blockCount, Runnable whenLoaded) {
    int last = (blockOffset + blockCount - 1) / Page.BLOCKS;
    int missing = -1;
    for (int p = blockOffset / Page.BLOCKS; p <= last; p++) {
      if (chunk.pages[p] == null && chunk.isStored(p)) {
        missing = p;
        break;
      }
    }
    if (missing < 0) {
      return true;
    }
    load(chunk, missing, whenLoaded);
    return false;
  }

  private void load(IndexedChunk chunk, int page, Runnable whenLoaded) {
    PageKey key = new PageKey(chunk, page);
    List<Runnable> waiting = loads.get(key);
    if (waiting != null) {
      waiting.add(whenLoaded);
      return;
    }
    waiting = new ArrayList<>();
    waiting.add(whenLoaded);
    loads.put(key, waiting);
    underWay++;
    loop.offLoop(
        () -> {
          byte[] bytes = null;
          try {
            bytes = catalogue.page(chunk.id, page);
          } catch (IOException | RuntimeException e) {
            // Told below: the page is then simply not there.
          }
          byte[] found = bytes;
          loop.onLoop(() -> loaded(key, found));
        });
  }

  private void loaded(PageKey key, byte[] bytes) {
    underWay--;
    List<Runnable> waiting = loads.remove(key);
    IndexedChunk chunk = key.chunk();
    if (closed.getAsBoolean()) {
      return;
    }
    if (chunk.pages[key.page()] == null && !chunk.gone) {
      if (bytes == null) {
        // Without it no append can be applied: the device is as good as gone.
        onFailed.accept("the catalogue lacks page " + key.page() + " of chunk " + chunk.id);
        return;
      }
      index.install(chunk, key.page(), Page.decode(bytes, false));
    }
    waiting.forEach(Runnable::run);
  }

  void read(IndexedChunk chunk, int blockOffset, int blockCount, ShardStore.ReadSink sink) {
    read(chunk, blockOffset, blockCount, sink, ATTEMPTS);
  }

  private void read(
      IndexedChunk chunk, int block, int count, ShardStore.ReadSink sink, int attempts) {
    if (chunk.gone) {
      sink.onUnreadable(block, "the chunk is in the trash");
      return;
    }
    if (!isLoaded(chunk, block, count, () -> read(chunk, block, count, sink, attempts))) {
      return;
    }
    if (crcs.length < count) {
      crcs = new int[count];
      versions = new long[count];
    }
    Payloads.Writable payload = payloads.allocate(count * Frame.BLOCK_BYTES);
    boolean allHere = true;
    for (int i = 0; i < count; i++) {
      Page page = index.page(chunk, (block + i) / Page.BLOCKS);
      int at = (block + i) % Page.BLOCKS;
      crcs[i] = page.crcs[at];
      versions[i] = page.versions[at];
      long place = page.places[at];
      if (place >= journal.tailLsn()) {
        int target = payload.offset() + i * Frame.BLOCK_BYTES;
        payload
            .mutable()
            .putBytes(target, journal.segment(place), journal.offset(place), Frame.BLOCK_BYTES);
      } else if (place == Page.TIER || place > 0) {
        allHere = false;
      }
    }
    if (allHere) {
      deliver(block, count, payload, sink);
    } else {
      readTier(chunk, block, count, payload, sink, attempts);
    }
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

  /** A read that left the loop: what it needs, as it was when it left. */
  private record TierRead(
      IndexedChunk chunk,
      int block,
      int count,
      boolean[] inTier,
      int[] crcs,
      long[] versions,
      Payloads.Writable payload,
      ShardStore.ReadSink sink,
      int attempts) {}

  private void readTier(
      IndexedChunk chunk,
      int block,
      int count,
      Payloads.Writable payload,
      ShardStore.ReadSink sink,
      int attempts) {
    boolean[] inTier = new boolean[count];
    for (int i = 0; i < count; i++) {
      long place = index.page(chunk, (block + i) / Page.BLOCKS).places[(block + i) % Page.BLOCKS];
      inTier[i] = place == Page.TIER || place > 0 && place < journal.tailLsn();
    }
    TierRead read =
        new TierRead(
            chunk,
            block,
            count,
            inTier,
            Arrays.copyOf(crcs, count),
            Arrays.copyOf(versions, count),
            payload,
            sink,
            attempts);
    counters.tierReads++;
    underWay++;
    loop.offLoop(
        () -> {
          String problem = fetch(read);
          int bad = problem == null ? firstBad(new Crc32c(), payload, read.crcs(), count) : 0;
          loop.onLoop(() -> fetched(read, problem, bad));
        });
  }

  private String fetch(TierRead read) {
    MutableDirectBuffer target = read.payload().mutable();
    int i = 0;
    while (i < read.count()) {
      if (!read.inTier()[i]) {
        i++;
        continue;
      }
      int end = i + 1;
      while (end < read.count() && read.inTier()[end]) {
        end++;
      }
      try {
        tier.read(
            read.chunk().id,
            read.block() + i,
            end - i,
            target,
            read.payload().offset() + i * Frame.BLOCK_BYTES);
      } catch (IOException | RuntimeException e) {
        return e.toString();
      }
      i = end;
    }
    return null;
  }

  private void fetched(TierRead read, String problem, int bad) {
    underWay--;
    if (closed.getAsBoolean()) {
      read.payload().release();
      return;
    }
    if (problem == null && bad < 0) {
      read.sink().onBlocks(read.crcs(), read.versions(), read.payload());
      read.payload().release();
      return;
    }
    read.payload().release();
    if (read.attempts() > 1) {
      read(read.chunk(), read.block(), read.count(), read.sink(), read.attempts() - 1);
      return;
    }
    counters.unreadableBlocks++;
    read.sink()
        .onUnreadable(
            read.block() + Math.max(0, bad),
            problem != null ? problem : "checksum of a block in the capacity tier");
  }

  void readVersions(IndexedChunk chunk, int block, int count, ShardStore.VersionsSink sink) {
    if (chunk.gone) {
      sink.onUnreadable(block, "the chunk is in the trash");
      return;
    }
    if (!isLoaded(chunk, block, count, () -> readVersions(chunk, block, count, sink))) {
      return;
    }
    list.clear();
    for (int i = block; i < block + count; i++) {
      list.addLong(index.page(chunk, i / Page.BLOCKS).versions[i % Page.BLOCKS]);
    }
    sink.onVersions(list);
  }

  void readExtents(IndexedChunk chunk, int block, int count, ShardStore.VersionsSink sink) {
    if (chunk.gone) {
      sink.onUnreadable(block, "the chunk is in the trash");
      return;
    }
    if (!isLoaded(chunk, block, count, () -> readExtents(chunk, block, count, sink))) {
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
    long place = index.page(chunk, block / Page.BLOCKS).places[block % Page.BLOCKS];
    if (place == Page.HOLE) {
      return 0;
    }
    return place == Page.ALLOCATED ? 1 : 2;
  }
}
