package io.cairn.client.cli;

/** A value of options that switch something. */
enum OnOff {
  ON,
  OFF
}
