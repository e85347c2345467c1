package io.cairn.client.scsi;

import io.cairn.storage.env.Payload;

/** Hears how a command ended, exactly once, possibly before the call that began it returns. */
public interface Completion {
  /**
   * The end.
   *
   * @param status SAM-5 status code.
   * @param sense with CHECK CONDITION, else null.
   * @param dataIn what the command returns, borrowed; null when there is nothing.
   */
  void done(int status, Sense sense, Payload dataIn);

  /** CHECK CONDITION. */
  default void check(Sense sense) {
    done(Scsi.CHECK_CONDITION, sense, null);
  }

  /** GOOD, without data. */
  default void good() {
    done(Scsi.GOOD, null, null);
  }
}
