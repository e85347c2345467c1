package io.cairn.storage.wire;

/** How a request ended. The codes are wire format: they are never reused. */
public enum Status {
  /** Done. */
  OK(0, false),
  /** A newer owner is known; detail is its generation. The session that hears this is over. */
  STALE_GENERATION(1, false),
  /** The request's generation is newer than the shard's fence: fence first. */
  NOT_FENCED(2, true),
  /** The sequence is not the next one; detail is the last version held. */
  GAP(3, false),
  /** The chunk is not here, and a write does not create it. */
  ABSENT(4, false),
  /** The chunk exists already and has data; detail is its last version. */
  EXISTS(5, false),
  /** The replica lacks blocks: it serves no reads. */
  SYNCING(6, true),
  /** Detail is the first block that fails its checksum or cannot be read. */
  UNREADABLE(7, false),
  /** The payload does not match its checksums; nothing was stored. */
  CORRUPT(8, true),
  /** The source has not reached the asked position yet; detail is its last version. */
  BEHIND(9, true),
  /** The request names another cluster. */
  WRONG_CLUSTER(10, false),
  /** The request names another node. */
  WRONG_NODE(11, false),
  /** The chunk belongs to another shard, or the shard does not exist. */
  WRONG_SHARD(12, false),
  /** A field is out of its bounds. */
  INVALID(13, false),
  /** The capacity tier has no room for another chunk. */
  NO_SPACE(14, true),
  /** The shard's device failed; it accepts nothing any more. */
  DEVICE_FAILED(15, false),
  /** The process is stopping. */
  SHUTTING_DOWN(16, true),
  /** No protocol version in common. */
  UNSUPPORTED_VERSION(17, false),
  /** A newer catch-up of the same chunk was begun. */
  STALE_ATTEMPT(18, false),
  /** The source of a catch-up did not deliver. */
  SOURCE_FAILED(19, true);

  private static final Status[] BY_CODE = values();

  private final int code;
  private final boolean retry;

  Status(int code, boolean retry) {
    this.code = code;
    this.retry = retry;
  }

  /** The wire code. */
  public int code() {
    return code;
  }

  /** Whether the same request may succeed later. */
  public boolean retry() {
    return retry;
  }

  /** The status of a code; null when there is none. */
  public static Status ofCode(int code) {
    return code >= 0 && code < BY_CODE.length ? BY_CODE[code] : null;
  }
}
