package io.cairn.client.iscsi;

import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;

/**
 * The memory of a command whose immediate data is being received, so that it is received where it
 * belongs. Only where there is room at once; of one command at a time, as a connection's PDUs come
 * one after the other.
 */
final class ImmediatePlace {
  private final TransferMemory memory;
  private final Payloads payloads;
  private Payloads.Writable whole;
  private int wantedBytes;

  ImmediatePlace(TransferMemory memory, Payloads payloads) {
    this.memory = memory;
    this.payloads = payloads;
  }

  /**
   * Makes room for a command.
   *
   * @param wanted bytes of all of its data.
   * @param immediate bytes that come with it.
   * @return the place of those, with a reference for the caller; null where there is no room.
   */
  Payload begin(int wanted, int immediate) {
    release();
    if (!memory.reserveNow(wanted)) {
      return null;
    }
    whole = payloads.allocateUnset(wanted);
    wantedBytes = wanted;
    return whole.slice(0, immediate);
  }

  /** The room that was made for the command that has come; with its reservation the caller's. */
  Payloads.Writable take() {
    Payloads.Writable taken = whole;
    whole = null;
    return taken;
  }

  /** The command has come, or will not. */
  void release() {
    if (whole != null) {
      take().release();
      memory.release(wantedBytes);
    }
  }
}
