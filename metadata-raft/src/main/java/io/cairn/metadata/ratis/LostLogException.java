package io.cairn.metadata.ratis;

import java.io.IOException;

/**
 * This server does not have what it may have promised the others: its log is damaged, or gone. It
 * must not take part before {@link MetadataGroupMember#rejoin} found that the others do without.
 */
public final class LostLogException extends IOException {
  private static final long serialVersionUID = 1;

  LostLogException(String message, Throwable cause) {
    super(message, cause);
  }
}
