package io.cairn.bench.sim;

import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Request;
import io.cairn.storage.wire.Version;
import org.agrona.DirectBuffer;

/** What a trace says about a frame. */
final class FrameText {
  private FrameText() {}

  static String of(DirectBuffer h) {
    int type = Frame.type(h, 0);
    if ((type & MessageType.REPLY) != 0) {
      return " app="
          + h.getLong(32)
          + " dur="
          + h.getLong(40)
          + " last="
          + Version.text(h.getLong(48))
          + " detail="
          + h.getLong(56);
    }
    String chunk =
        " v" + Request.volumeId(h, 0) + "/" + Request.index(h, 0) + " g" + Request.generation(h, 0);
    return switch (type) {
      case MessageType.HELLO, MessageType.SYNC -> "";
      case MessageType.WRITE, MessageType.ZERO ->
          chunk
              + " "
              + Version.text(Request.writeVersion(h, 0))
              + " b"
              + Request.writeBlock(h, 0)
              + "+"
              + Request.writeCount(h, 0);
      case MessageType.READ, MessageType.VERSIONS ->
          chunk + " b" + Request.rangeBlock(h, 0) + "+" + Request.rangeCount(h, 0);
      case MessageType.CATCH_UP ->
          chunk
              + " base "
              + Version.text(Request.catchUpBase(h, 0))
              + " attempt "
              + Request.catchUpAttempt(h, 0)
              + " from node "
              + Request.catchUpSource(h, 0);
      default -> chunk;
    };
  }
}
