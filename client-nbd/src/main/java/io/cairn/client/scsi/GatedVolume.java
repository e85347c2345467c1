package io.cairn.client.scsi;

import io.cairn.client.volume.VolumeIo;
import io.cairn.storage.env.Payload;

/**
 * A volume as commands see it, which can be shut: a command of several steps that began before a
 * SANITIZE must not write behind it what it read in front of it.
 */
final class GatedVolume implements VolumeIo {
  private final VolumeIo io;
  private boolean shut;

  GatedVolume(VolumeIo io) {
    this.io = io;
  }

  /** While it is shut, everything that is asked for anew fails. */
  void shut(boolean isShut) {
    shut = isShut;
  }

  @Override
  public long sizeBytes() {
    return io.sizeBytes();
  }

  @Override
  public int chunkSizeBytes() {
    return io.chunkSizeBytes();
  }

  @Override
  public void read(long offsetBytes, int lengthBytes, ReadCallback sink) {
    if (shut) {
      sink.done(null, Failure.CLOSED);
    } else {
      io.read(offsetBytes, lengthBytes, sink);
    }
  }

  @Override
  public void write(long offsetBytes, Payload payload, boolean fua, Callback done) {
    if (shut) {
      done.done(Failure.CLOSED);
    } else {
      io.write(offsetBytes, payload, fua, done);
    }
  }

  @Override
  public void zero(
      long offsetBytes, long lengthBytes, boolean mayPunch, boolean fua, Callback done) {
    if (shut) {
      done.done(Failure.CLOSED);
    } else {
      io.zero(offsetBytes, lengthBytes, mayPunch, fua, done);
    }
  }

  @Override
  public void flush(Callback done) {
    io.flush(done);
  }

  @Override
  public void extents(long offsetBytes, long lengthBytes, ExtentsCallback sink) {
    io.extents(offsetBytes, lengthBytes, sink);
  }
}
