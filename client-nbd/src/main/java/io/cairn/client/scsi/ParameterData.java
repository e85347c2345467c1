package io.cairn.client.scsi;

import io.cairn.storage.env.Payloads;

/** Data that describes something, cut to the ALLOCATION LENGTH, SPC-4 4.2.5.6. */
final class ParameterData {
  private final Payloads payloads;

  ParameterData(Payloads payloads) {
    this.payloads = payloads;
  }

  /** Ends a command with data. */
  void send(byte[] data, long allocationBytes, Completion done) {
    int length = (int) Math.min(data.length, allocationBytes);
    if (length == 0) {
      done.good();
      return;
    }
    Payloads.Writable payload = payloads.allocate(length);
    payload.mutable().putBytes(payload.offset(), data, 0, length);
    done.done(Scsi.GOOD, null, payload);
    payload.release();
  }
}
