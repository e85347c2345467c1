package io.cairn.bench.load;

/** What loads a target with a row that is not paced, one load at a time. */
interface Client {
  /** Writes a whole region once, so that no row meets a block that was never there. */
  void prewrite(Target target, Row.Form form, long regionBytes);

  /** Loads a target for some seconds. */
  Served load(Target target, Row row, long regionBytes, int seconds);
}
