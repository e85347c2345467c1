package io.cairn.client.dev;

import io.cairn.metadata.options.Sizes;

/** A volume that is made at the start when there is none of its name. */
record DevVolume(String name, long sizeBytes) {
  static final String DEFAULT = "vol0:1GiB";

  /**
   * Reads NAME:SIZE.
   *
   * @throws IllegalArgumentException with a message for people.
   */
  static DevVolume parse(String text) {
    int colon = text.lastIndexOf(':');
    if (colon < 1) {
      throw new IllegalArgumentException("'" + text + "' is not NAME:SIZE, like " + DEFAULT);
    }
    return new DevVolume(text.substring(0, colon), Sizes.parseBytes(text.substring(colon + 1)));
  }
}
