package io.cairn.metadata.options;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What an option may hold: how its text is read, and the bound that it must keep.
 *
 * @param <T> what the text becomes.
 */
public final class OptionType<T> {
  /** Most addresses in one list. */
  public static final int ADDRESSES_MAX = 64;

  /** Most paths in one list. */
  public static final int PATHS_MAX = 64;

  private static final int TEXT_LENGTH_MAX = 1024;

  private final String bound;
  private final Function<String, T> reader;

  private OptionType(String bound, Function<String, T> reader) {
    this.bound = bound;
    this.reader = reader;
  }

  /** What is allowed, in words that end the sentence "expected …". */
  public String bound() {
    return bound;
  }

  /**
   * Reads and checks a text.
   *
   * @throws IllegalArgumentException when it is out of bounds; {@link #bound} says what is allowed.
   */
  T read(String text) {
    if (text.length() > TEXT_LENGTH_MAX || text.chars().anyMatch(Character::isISOControl)) {
      throw new IllegalArgumentException("too long, or with control characters");
    }
    return reader.apply(text);
  }

  private static void require(boolean condition) {
    if (!condition) {
      throw new IllegalArgumentException("out of bounds");
    }
  }

  /** Any text of 1 to so many characters. */
  public static OptionType<String> text(int lengthMax) {
    return new OptionType<>(
        "a text of 1 to " + lengthMax + " characters",
        text -> {
          require(!text.isEmpty() && text.length() <= lengthMax);
          return text;
        });
  }

  /** A whole number, both bounds included. */
  public static OptionType<Integer> integer(int min, int max) {
    return new OptionType<>(
        "a whole number from " + min + " to " + max,
        text -> {
          int value = Integer.parseInt(text);
          require(value >= min && value <= max);
          return value;
        });
  }

  /** A size such as 512MiB, both bounds in bytes and included. */
  public static OptionType<Long> size(long minBytes, long maxBytes) {
    return new OptionType<>(
        "a size from "
            + Sizes.format(minBytes)
            + " to "
            + Sizes.format(maxBytes)
            + ", written like 512MiB",
        text -> {
          long bytes = Sizes.parseBytes(text);
          require(bytes >= minBytes && bytes <= maxBytes);
          return bytes;
        });
  }

  /** One of two sizes. */
  public static OptionType<Long> eitherSize(long oneBytes, long otherBytes) {
    return new OptionType<>(
        Sizes.format(oneBytes) + " or " + Sizes.format(otherBytes),
        text -> {
          long bytes = Sizes.parseBytes(text);
          require(bytes == oneBytes || bytes == otherBytes);
          return bytes;
        });
  }

  /** A duration such as 500ms or 2s, both bounds included. */
  public static OptionType<Duration> duration(Duration min, Duration max) {
    return new OptionType<>(
        "a duration from "
            + Durations.format(min)
            + " to "
            + Durations.format(max)
            + ", written like 500ms or 2s",
        text -> {
          Duration value = Durations.parse(text);
          require(value.compareTo(min) >= 0 && value.compareTo(max) <= 0);
          return value;
        });
  }

  /** An address to listen on; port 0 stands for any free port. */
  public static OptionType<Address> listenAddress() {
    return new OptionType<>(
        "HOST:PORT with a port from 0 to 65535; 0 is any free one", Address::parse);
  }

  /** An address to be found at. */
  public static OptionType<Address> address() {
    return new OptionType<>("HOST:PORT with a port from 1 to 65535", OptionType::peer);
  }

  private static Address peer(String text) {
    Address address = Address.parse(text);
    require(address.port() != 0);
    return address;
  }

  /** Addresses with commas between them, each one once. */
  public static OptionType<List<Address>> addresses() {
    return new OptionType<>(
        "1 to " + ADDRESSES_MAX + " different addresses, written HOST:PORT,HOST:PORT",
        text -> {
          Set<Address> addresses = new LinkedHashSet<>();
          for (String part : text.split(",", -1)) {
            require(addresses.add(peer(part.trim())) && addresses.size() <= ADDRESSES_MAX);
          }
          return List.copyOf(addresses);
        });
  }

  /** A path of a file or directory. */
  public static OptionType<Path> path() {
    return new OptionType<>(
        "a path",
        text -> {
          require(!text.isBlank());
          try {
            return Path.of(text);
          } catch (InvalidPathException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
          }
        });
  }

  /** Paths with commas between them, each one once. */
  public static OptionType<List<Path>> paths() {
    return new OptionType<>(
        "1 to " + PATHS_MAX + " different paths with commas between them",
        text -> {
          Set<Path> paths = new LinkedHashSet<>();
          for (String part : text.split(",", -1)) {
            Path path = path().read(part.trim());
            require(paths.add(path.toAbsolutePath().normalize()) && paths.size() <= PATHS_MAX);
          }
          return List.copyOf(paths);
        });
  }

  /** A path, or the word none. */
  public static OptionType<Optional<Path>> pathOrNone() {
    return new OptionType<>(
        "a path, or none",
        text -> text.equals("none") ? Optional.empty() : Optional.of(path().read(text)));
  }

  /** On or off. */
  public static OptionType<Boolean> flag() {
    return new OptionType<>(
        "true or false",
        text -> {
          require(text.equals("true") || text.equals("false"));
          return text.equals("true");
        });
  }

  /** One constant of an enumeration, written in lower case with hyphens. */
  public static <E extends Enum<E>> OptionType<E> choice(Class<E> constants) {
    return new OptionType<>(
        Arrays.stream(constants.getEnumConstants())
            .map(OptionType::written)
            .collect(Collectors.joining(", ", "one of ", "")),
        text ->
            Arrays.stream(constants.getEnumConstants())
                .filter(constant -> written(constant).equals(text))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no such choice")));
  }

  private static String written(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** The same bound, but what is read becomes something else. */
  <U> OptionType<U> map(Function<T, U> mapping) {
    return new OptionType<>(bound, text -> mapping.apply(reader.apply(text)));
  }
}
