package io.cairn.bench.load;

/** What is measured at one point of a scale. */
sealed interface ScalePoint extends Target permits ScaleTarget, ScalePeer {
  /** Of what is scaled. */
  int count();

  /** Bytes from the start that are used, of each volume. */
  long sizeBytes();
}
