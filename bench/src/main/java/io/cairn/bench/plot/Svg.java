package io.cairn.bench.plot;

/** What all drawings need. */
public final class Svg {
  private Svg() {}

  /** Text that may stand between tags. */
  public static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
