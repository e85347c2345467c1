package io.cairn.client.scsi;

/** One end of an EXTENDED COPY: a unit as the initiator that sent the copy may use it. */
interface CopyEnd {
  BlockCommands blocks();

  /**
   * Asks anew whether a piece may be copied: reservations come and paths go while a copy runs.
   *
   * @param writes whether this is where the piece goes.
   * @param refused hears why not.
   */
  void admit(boolean writes, Completion refused, Runnable run);
}
