package io.cairn.client.nbd.server;

import io.cairn.client.volume.VolumeIo;
import java.util.IdentityHashMap;
import java.util.Map;

/** The memory of each export that has connections. */
final class ExportMemories {
  private static final class Shared {
    final RequestMemory memory;
    int connections;

    Shared(RequestMemory memory) {
      this.memory = memory;
    }
  }

  private final long bytesMax;
  private final Map<VolumeIo, Shared> exports = new IdentityHashMap<>();

  /**
   * No exports yet.
   *
   * @param bytesMax bound for each.
   */
  ExportMemories(long bytesMax) {
    this.bytesMax = bytesMax;
  }

  /** One more connection of an export. */
  RequestMemory join(VolumeIo export) {
    Shared shared = exports.computeIfAbsent(export, key -> new Shared(new RequestMemory(bytesMax)));
    shared.connections++;
    return shared.memory;
  }

  /** Bytes that requests and replies of all exports hold. */
  long heldBytes() {
    long sum = 0;
    for (Shared shared : exports.values()) {
      sum += shared.memory.bytes();
    }
    return sum;
  }

  /** One connection less. */
  void leave(VolumeIo export) {
    Shared shared = exports.get(export);
    if (--shared.connections == 0) {
      exports.remove(export);
    }
  }
}
