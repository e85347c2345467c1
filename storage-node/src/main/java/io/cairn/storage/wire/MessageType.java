package io.cairn.storage.wire;

/** Message types; a reply has the request's type with {@link #REPLY} set. */
public final class MessageType {
  public static final int HELLO = 1;
  public static final int FENCE = 2;
  public static final int PING = 3;
  public static final int OPEN = 4;
  public static final int CREATE = 5;
  public static final int WRITE = 6;
  public static final int ZERO = 7;
  public static final int READ = 8;
  public static final int SYNC = 9;
  public static final int CATCH_UP = 10;
  public static final int VERSIONS = 11;
  public static final int EXTENTS = 12;

  /** Bit of a reply. */
  public static final int REPLY = 0x80;

  /** Push from the node: its durable position moved. */
  public static final int DURABLE = 0x90;

  /** Either way, of links that share a connection: the one of this stream is closed. */
  public static final int END = 0x91;

  /** Highest request type. */
  public static final int REQUEST_MAX = EXTENTS;

  private static final String[] NAMES = {
    "0",
    "HELLO",
    "FENCE",
    "PING",
    "OPEN",
    "CREATE",
    "WRITE",
    "ZERO",
    "READ",
    "SYNC",
    "CATCH_UP",
    "VERSIONS",
    "EXTENTS"
  };

  private MessageType() {}

  /** Name for logs and metrics. */
  public static String name(int type) {
    if (type == DURABLE) {
      return "DURABLE";
    }
    if (type == END) {
      return "END";
    }
    int base = type & ~REPLY;
    return base < NAMES.length ? NAMES[base] : Integer.toString(type);
  }
}
