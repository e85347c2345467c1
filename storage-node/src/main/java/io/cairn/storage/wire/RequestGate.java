package io.cairn.storage.wire;

import org.agrona.DirectBuffer;

/**
 * The one gate for requests: after it, inner code relies on every length and every range of a
 * request's own fields. What depends on the chunk's size is checked by {@link #rangeProblem}.
 */
public final class RequestGate {
  private RequestGate() {}

  /**
   * Checks a request whose prefix and checksum are good.
   *
   * @return null, or the problem with the value and the bound.
   */
  public static String problem(DirectBuffer b, int o) {
    int header = Frame.headerLength(b, o);
    int payload = Frame.frameLength(b, o) - header;
    int type = Frame.type(b, o);
    int expected;
    int expectedPayload = 0;
    switch (type) {
      case MessageType.HELLO -> expected = Request.HELLO_BYTES;
      case MessageType.FENCE, MessageType.PING, MessageType.OPEN -> expected = Request.BARE_BYTES;
      case MessageType.CREATE, MessageType.SYNC -> expected = 80;
      case MessageType.READ, MessageType.EXTENTS -> expected = 80;
      case MessageType.VERSIONS, MessageType.ZERO -> expected = 88;
      case MessageType.WRITE -> {
        if (header < Request.WRITE_CRCS) {
          return "WRITE header of " + header + " bytes is shorter than " + Request.WRITE_CRCS;
        }
        int count = Request.writeCount(b, o);
        if (count < 1 || count > Frame.BLOCKS_MAX) {
          return "block count " + count + " is outside 1 to " + Frame.BLOCKS_MAX;
        }
        expected = Frame.align8(Request.WRITE_CRCS + 4 * count);
        expectedPayload = count * Frame.BLOCK_BYTES;
      }
      case MessageType.CATCH_UP -> {
        if (header < Request.CATCH_UP_HOST) {
          return "CATCH_UP header of " + header + " bytes is shorter than " + Request.CATCH_UP_HOST;
        }
        int options = b.getByte(o + Request.CATCH_UP_OPTIONS) & 0xFF;
        if (options > Request.OPTION_LEAVE_UNREADABLE) {
          return "options " + options + " are above " + Request.OPTION_LEAVE_UNREADABLE;
        }
        int host = b.getByte(o + Request.CATCH_UP_HOST_LENGTH) & 0xFF;
        expected = Frame.align8(Request.CATCH_UP_HOST + host);
      }
      default -> {
        return "message type " + type + " is no request";
      }
    }
    if (header != expected) {
      return MessageType.name(type) + " header of " + header + " bytes is not " + expected;
    }
    if (payload != expectedPayload) {
      return MessageType.name(type) + " payload of " + payload + " bytes is not " + expectedPayload;
    }
    return countProblem(b, o, type);
  }

  private static String countProblem(DirectBuffer b, int o, int type) {
    int bound =
        switch (type) {
          case MessageType.READ -> Frame.BLOCKS_MAX;
          case MessageType.VERSIONS, MessageType.EXTENTS -> Frame.VERSIONS_MAX;
          default -> 0;
        };
    if (bound > 0) {
      int count = Request.rangeCount(b, o);
      if (count < 1 || count > bound) {
        return "block count " + count + " is outside 1 to " + bound;
      }
    }
    return null;
  }

  /** Checks a block range against a chunk's size; null when it lies within. */
  public static String rangeProblem(int blockOffset, int blockCount, int sizeBlocks) {
    if (blockOffset < 0 || blockCount < 1 || blockOffset > sizeBlocks - blockCount) {
      return "blocks "
          + blockOffset
          + "+"
          + blockCount
          + " are outside a chunk of "
          + sizeBlocks
          + " blocks";
    }
    return null;
  }
}
