package io.cairn.metadata.options;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Durations as people write them: a whole number and a unit, 50us, 500ms, 2s, 10m, 24h, 7d; or 0.
 */
public final class Durations {
  private static final Pattern DURATION = Pattern.compile("(\\d{1,9})(us|ms|s|m|h|d)");

  private Durations() {}

  /**
   * Reads a duration.
   *
   * @throws IllegalArgumentException with a message for people.
   */
  public static Duration parse(String text) {
    if (text.trim().equals("0")) {
      return Duration.ZERO;
    }
    Matcher matcher = DURATION.matcher(text.trim());
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "'" + text + "' is not a duration: write a whole number and a unit, like 500ms or 2s");
    }
    long count = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "us" -> Duration.ofNanos(count * 1_000);
      case "ms" -> Duration.ofMillis(count);
      case "s" -> Duration.ofSeconds(count);
      case "m" -> Duration.ofMinutes(count);
      case "h" -> Duration.ofHours(count);
      default -> Duration.ofDays(count);
    };
  }

  /** Writes a duration of whole microseconds with the largest unit that leaves no fraction. */
  public static String format(Duration duration) {
    long millis = duration.toMillis();
    if (duration.toNanosPart() % 1_000_000 != 0) {
      return duration.toNanos() / 1_000 + "us";
    }
    if (millis == 0) {
      return "0";
    }
    String[] units = {"d", "h", "m", "s"};
    long[] unitMillis = {86_400_000, 3_600_000, 60_000, 1_000};
    for (int i = 0; i < units.length; i++) {
      if (millis % unitMillis[i] == 0) {
        return millis / unitMillis[i] + units[i];
      }
    }
    return millis + "ms";
  }
}
