package io.cairn.bench.jmh;

import io.cairn.client.volume.VolumeIo;
import io.cairn.client.volume.VolumeSession;
import io.cairn.storage.env.Payload;
import io.cairn.storage.journal.StoreSettings;
import io.cairn.storage.replication.ShardStore;
import io.cairn.storage.transport.NettyPayload;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * A volume of four chunks with three replicas in one process, and blocks at random in it. Whoever
 * calls is its loop.
 */
final class InProcessVolume {
  static final int BLOCK_BYTES = 4096;

  private static final int REPLICAS = 3;
  private static final int SEGMENT_BYTES = 8 << 20;
  private static final int SEGMENTS = 8;
  private static final int CHUNKS = 4;

  private final LinkedBlockingQueue<Runnable> loop = new LinkedBlockingQueue<>();
  private final ExecutorService blocking =
      Executors.newFixedThreadPool(1, Thread.ofPlatform().daemon().factory());
  private final List<ScratchStore> journals = new ArrayList<>();
  private final Payload payload =
      NettyPayload.of(Unpooled.directBuffer(BLOCK_BYTES).writeZero(BLOCK_BYTES));
  private final VolumeIo.Callback written = this::written;
  private final VolumeIo.ReadCallback read = this::read;
  private final InProcessCluster cluster;
  private final VolumeSession session;
  private final int blocksOfChunk;
  private int done;
  private int random = 1;

  /**
   * A volume of which the first blocks of each chunk are in use.
   *
   * @param journaled real journals, or stores that keep nothing.
   * @param blocksOfChunk that are written, and then chosen from; with journals few enough that none
   *     of them leaves before it is read.
   */
  InProcessVolume(boolean journaled, int blocksOfChunk) throws IOException {
    this.blocksOfChunk = blocksOfChunk;
    List<ShardStore> stores = new ArrayList<>();
    for (int i = 0; i < REPLICAS; i++) {
      if (journaled) {
        ScratchStore journal =
            new ScratchStore(
                loop, blocking::execute, StoreSettings.defaults(), SEGMENT_BYTES, SEGMENTS);
        journals.add(journal);
        stores.add(journal.store());
      } else {
        stores.add(new VoidStore());
      }
    }
    cluster = new InProcessCluster(stores, loop, CHUNKS);
    for (int i = 0; i < REPLICAS; i++) {
      if (stores.get(i) instanceof VoidStore none) {
        none.start(cluster.shards().get(i));
      } else {
        journals.get(i).store().start(cluster.shards().get(i));
      }
    }
    session = cluster.start();
  }

  /** Writes the first of these blocks of each chunk, one at a time. */
  void prewrite(int blocks) {
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      for (int block = 0; block < blocks; block++) {
        done = 0;
        session.write(offsetBytes(chunk, block), payload, false, written);
        await(1);
      }
    }
  }

  private static long offsetBytes(int chunk, int block) {
    return (long) chunk * InProcessCluster.CHUNK_BYTES + (long) block * BLOCK_BYTES;
  }

  private void written(VolumeIo.Failure failure) {
    if (failure != null) {
      throw new IllegalStateException(failure.toString());
    }
    done++;
  }

  private void read(Payload bytes, VolumeIo.Failure failure) {
    if (failure != null || bytes.length() != BLOCK_BYTES) {
      throw new IllegalStateException(String.valueOf(failure));
    }
    done++;
  }

  private long nextOffsetBytes() {
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    int block = Math.floorMod(random, CHUNKS * blocksOfChunk);
    return offsetBytes(block % CHUNKS, block / CHUNKS);
  }

  /** Writes that many blocks at once, and returns when all are answered. */
  int write(int count, boolean durable) {
    done = 0;
    for (int i = 0; i < count; i++) {
      session.write(nextOffsetBytes(), payload, durable, written);
    }
    return await(count);
  }

  /** Reads that many blocks at once, and returns when all are there. */
  int read(int count) {
    done = 0;
    for (int i = 0; i < count; i++) {
      session.read(nextOffsetBytes(), BLOCK_BYTES, read);
    }
    return await(count);
  }

  private int await(int count) {
    while (done < count) {
      cluster.step();
    }
    return done;
  }

  /** Deletes the journals. */
  void close() throws IOException, InterruptedException {
    for (ScratchStore journal : journals) {
      journal.close();
    }
    blocking.shutdown();
  }
}
