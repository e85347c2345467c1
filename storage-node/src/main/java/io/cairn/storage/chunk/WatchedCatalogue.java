package io.cairn.storage.chunk;

import io.cairn.storage.device.Device;
import io.cairn.storage.device.Device.Operation;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** A catalogue whose device is told of each call that may go to it. */
public final class WatchedCatalogue implements Catalogue {
  private final Catalogue catalogue;
  private final Device device;

  /** The same catalogue on the device; closes it. */
  public WatchedCatalogue(Catalogue catalogue, Device device) {
    this.catalogue = catalogue;
    this.device = device;
  }

  @Override
  public long checkpointLsn() {
    return catalogue.checkpointLsn();
  }

  @Override
  public Map<Long, Long> fences() throws IOException {
    return catalogue.fences();
  }

  @Override
  public List<Stored> chunks() throws IOException {
    return catalogue.chunks();
  }

  @Override
  public Stored chunk(ChunkId chunk) throws IOException {
    return device.get(Operation.READ, () -> catalogue.chunk(chunk));
  }

  @Override
  public byte[] page(ChunkId chunk, int page) throws IOException {
    return device.get(Operation.READ, () -> catalogue.page(chunk, page));
  }

  @Override
  public int page(ChunkId chunk, int page, byte[] target) throws IOException {
    return device.get(Operation.READ, () -> catalogue.page(chunk, page, target));
  }

  @Override
  public void raiseFence(long volumeId, long generation) throws IOException {
    device.run(Operation.SYNC, () -> catalogue.raiseFence(volumeId, generation));
  }

  @Override
  public void commit(Batch batch) throws IOException {
    device.run(Operation.SYNC, () -> catalogue.commit(batch));
  }

  @Override
  public Checkpoint begin() {
    return new WatchedCheckpoint(catalogue.begin());
  }

  @Override
  public void close() {
    catalogue.close();
  }

  private final class WatchedCheckpoint implements Checkpoint {
    private final Checkpoint checkpoint;

    WatchedCheckpoint(Checkpoint checkpoint) {
      this.checkpoint = checkpoint;
    }

    @Override
    public void delete(ChunkId chunk) throws IOException {
      checkpoint.delete(chunk);
    }

    @Override
    public void putFence(long volumeId, long generation) {
      checkpoint.putFence(volumeId, generation);
    }

    @Override
    public void putChunk(Stored chunk) throws IOException {
      checkpoint.putChunk(chunk);
    }

    @Override
    public void putPage(ChunkId chunk, int page, byte[] bytes) throws IOException {
      checkpoint.putPage(chunk, page, bytes);
    }

    @Override
    public void commit(long checkpointLsn) throws IOException {
      device.run(Operation.SYNC, () -> checkpoint.commit(checkpointLsn));
    }

    @Override
    public void close() {
      checkpoint.close();
    }
  }
}
