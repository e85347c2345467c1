package io.cairn.metadata.options;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes as people write them: a whole number and a binary unit, 512MiB or 10GiB. */
public final class Sizes {
  private static final Pattern SIZE = Pattern.compile("(\\d{1,18})(B|KiB|MiB|GiB|TiB|PiB)");
  private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};

  private Sizes() {}

  /**
   * Reads a size.
   *
   * @return the size in bytes.
   * @throws IllegalArgumentException with a message for people when the text is no size, or one
   *     above 8 EiB.
   */
  public static long parseBytes(String text) {
    Matcher matcher = SIZE.matcher(text.trim());
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "'" + text + "' is not a size: write a whole number and a unit, like 512MiB or 10GiB");
    }
    long count = Long.parseLong(matcher.group(1));
    int shift = 0;
    for (int i = 0; i < UNITS.length; i++) {
      if (UNITS[i].equals(matcher.group(2))) {
        shift = 10 * i;
      }
    }
    if (count > Long.MAX_VALUE >> shift) {
      throw new IllegalArgumentException("'" + text + "' is above the largest size, 8EiB less one");
    }
    return count << shift;
  }

  /** Writes a size with the largest unit that leaves at most one decimal. */
  public static String format(long bytes) {
    int unit = 0;
    long scaled = bytes;
    while (scaled >= 1024 && unit < UNITS.length - 1) {
      scaled >>= 10;
      unit++;
    }
    double value = bytes / (double) (1L << (10 * unit));
    return value == Math.rint(value)
        ? (long) value + UNITS[unit]
        : String.format(Locale.ROOT, "%.1f%s", value, UNITS[unit]);
  }
}
