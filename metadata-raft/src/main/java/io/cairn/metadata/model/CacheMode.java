package io.cairn.metadata.model;

import java.util.Locale;

/**
 * How a volume uses the fast devices of the nodes. A write goes to the journals of its replicas in
 * each of them, and what is durable when is the same in all; see the storage node's ADR 8.
 */
public enum CacheMode {
  /** Moved to the capacity tier as the journals fill; what is read again may be cached. */
  WRITE_BACK,
  /** Moved to the capacity tier at once; what is read again may be cached. */
  WRITE_THROUGH,
  /** Moved to the capacity tier at once, and nothing of it is in the read cache. */
  WRITE_AROUND;

  /** As people write it: "write-back". */
  public String text() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** The mode that people write so, or null. */
  public static CacheMode of(String text) {
    for (CacheMode mode : values()) {
      if (mode.text().equals(text)) {
        return mode;
      }
    }
    return null;
  }
}
