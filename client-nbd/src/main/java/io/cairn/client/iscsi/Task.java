package io.cairn.client.iscsi;

import io.cairn.client.scsi.Scsi;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import java.util.ArrayList;
import java.util.List;
import org.agrona.concurrent.UnsafeBuffer;

/** One SCSI command until it is answered. */
final class Task {
  final int tag;
  final long lun;
  final boolean immediate;
  final boolean reads;
  final boolean writes;
  final long expectedBytes;
  final UnsafeBuffer cdb = new UnsafeBuffer(new byte[Scsi.CDB_BYTES]);
  int wantedBytes;
  long neededBytes;
  Payload data;
  Payloads.Writable gathered;
  int received;
  boolean unsolicited;
  int transferTag = Iscsi.RESERVED_TAG;
  int solicitedEnd;
  int dataSn;
  int r2tSn;
  boolean running;
  Abort abort;
  boolean waits;
  private final List<Payload> kept = new ArrayList<>();
  private Runnable granted;
  private TransferMemory memory;

  Task(Bhs pdu) {
    tag = pdu.initiatorTaskTag();
    lun = pdu.lun();
    immediate = pdu.isImmediate();
    reads = pdu.has(Iscsi.FLAG_READ);
    writes = pdu.has(Iscsi.FLAG_WRITE);
    expectedBytes = Integer.toUnsignedLong(pdu.get(Bhs.TAG_OR_LENGTH));
    cdb.putBytes(0, pdu.bytes(), Bhs.CDB_OFFSET, Scsi.CDB_BYTES);
  }

  /** Keeps unsolicited data until there is room for the whole: at most FirstBurstLength. */
  void keep(Payload part) {
    if (part != null && wantedBytes > 0) {
      part.retain();
      kept.add(part);
    }
  }

  /** What waits for room, so that it can be forgotten. */
  Runnable granted(Runnable action) {
    granted = action;
    return action;
  }

  /** There is room: everything goes into one piece from now on. */
  void begin(Payloads.Writable whole, TransferMemory reserved) {
    granted = null;
    memory = reserved;
    data = whole;
    gathered = whole;
    int at = 0;
    for (Payload part : kept) {
      gather(part, at);
      at += part.length();
      part.release();
    }
    kept.clear();
  }

  /** A part of the whole with a reference of its own; null when there is no such part. */
  Payload place(int offset, int length) {
    return gathered == null || length > wantedBytes - offset
        ? null
        : gathered.slice(offset, length);
  }

  /** Copies a part into its place; what is beyond the command's own length is dropped. */
  void gather(Payload part, int offset) {
    if (part == null || gathered == null || offset >= wantedBytes || isInPlace(part, offset)) {
      return;
    }
    int length = Math.min(part.length(), wantedBytes - offset);
    gathered.mutable().putBytes(gathered.offset() + offset, part.buffer(), part.offset(), length);
  }

  /** Whether the part was received where it belongs. */
  private boolean isInPlace(Payload part, int offset) {
    return part.buffer().byteArray() == gathered.buffer().byteArray()
        && part.buffer().addressOffset() + part.offset()
            == gathered.buffer().addressOffset() + gathered.offset() + offset;
  }

  /** Lets go of everything that it holds or waits for. */
  void releaseData(TransferMemory line) {
    if (granted != null) {
      line.forget(granted);
      granted = null;
    }
    kept.forEach(Payload::release);
    kept.clear();
    if (data != null) {
      data.release();
      data = null;
      gathered = null;
    }
    if (memory != null) {
      TransferMemory held = memory;
      memory = null;
      held.release(wantedBytes);
    }
  }
}
