package io.cairn.client.cli;

/** How a verb prints what it found. */
enum OutputFormat {
  /** Aligned text for people; may change from release to release. */
  TABLE,
  /** JSON for programs: keys are added, never renamed. */
  JSON
}
