package io.cairn.client.nbd.server;

import io.cairn.client.volume.VolumeIo;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;

/** A volume in memory, for the protocol's own tests. */
public class MemoryVolume implements VolumeIo {
  private final byte[] bytes;
  private final Payloads payloads;

  /** A volume of zeroes. */
  public MemoryVolume(int sizeBytes, Payloads payloads) {
    bytes = new byte[sizeBytes];
    this.payloads = payloads;
  }

  @Override
  public long sizeBytes() {
    return bytes.length;
  }

  @Override
  public int chunkSizeBytes() {
    return 1 << 20;
  }

  @Override
  public void read(long offsetBytes, int lengthBytes, ReadCallback sink) {
    Payloads.Writable payload = payloads.allocate(lengthBytes);
    payload.mutable().putBytes(payload.offset(), bytes, (int) offsetBytes, lengthBytes);
    sink.done(payload, null);
    payload.release();
  }

  @Override
  public void write(long offsetBytes, Payload payload, boolean fua, Callback done) {
    payload.buffer().getBytes(payload.offset(), bytes, (int) offsetBytes, payload.length());
    done.done(null);
  }

  @Override
  public void zero(
      long offsetBytes, long lengthBytes, boolean mayPunch, boolean fua, Callback done) {
    java.util.Arrays.fill(bytes, (int) offsetBytes, (int) (offsetBytes + lengthBytes), (byte) 0);
    done.done(null);
  }

  @Override
  public void flush(Callback done) {
    done.done(null);
  }

  @Override
  public void extents(long offsetBytes, long lengthBytes, ExtentsCallback sink) {
    sink.done(new long[] {lengthBytes}, new int[] {2}, 1, null);
  }
}
