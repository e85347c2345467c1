package io.cairn.bench.load;

/** What all drawings need. */
final class Svg {
  private Svg() {}

  /** Text that may stand between tags. */
  static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
