package io.cairn.metadata.options;

import java.util.Optional;

/**
 * One setting of a role: an entry of its declared list.
 *
 * @param <T> what its value is.
 */
public final class Option<T> {
  private final String key;
  private final OptionType<T> type;
  private final String defaultText;
  private final boolean required;
  private final T absent;
  private final String text;
  private final boolean clusterWide;

  private Option(
      String key,
      OptionType<T> type,
      String defaultText,
      boolean required,
      T absent,
      String text,
      boolean clusterWide) {
    if (!key.matches("[a-z]+(\\.[a-z]+)*")) {
      throw new IllegalArgumentException("'" + key + "' is no key: lower-case words and dots");
    }
    this.key = key;
    this.type = type;
    this.defaultText = defaultText;
    this.required = required;
    this.absent = absent;
    this.text = text;
    this.clusterWide = clusterWide;
    if (defaultText != null) {
      type.read(defaultText);
    }
  }

  /** A setting that must be given. */
  public static <T> Option<T> required(String key, OptionType<T> type, String text) {
    return new Option<>(key, type, null, true, null, text, false);
  }

  /** A setting with a default, written as in a file. */
  public static <T> Option<T> of(String key, OptionType<T> type, String defaultText, String text) {
    return new Option<>(key, type, defaultText, false, null, text, false);
  }

  /** A setting that may be absent; the text says what is done then. */
  public static <T> Option<Optional<T>> optional(String key, OptionType<T> type, String text) {
    return new Option<>(key, type.map(Optional::of), null, false, Optional.empty(), text, false);
  }

  /** The same setting, marked as one that must have the same value on all servers of a cluster. */
  public Option<T> clusterWide() {
    return new Option<>(key, type, defaultText, required, absent, text, true);
  }

  /** The name in a file: lower-case words with dots between them. */
  public String key() {
    return key;
  }

  OptionType<T> type() {
    return type;
  }

  /** The default as it would be written; null when there is none. */
  String defaultText() {
    return defaultText;
  }

  boolean isRequired() {
    return required;
  }

  boolean isClusterWide() {
    return clusterWide;
  }

  /** What the setting is for, in a sentence. */
  String text() {
    return text;
  }

  /** The value when nothing was given. */
  T absentValue() {
    return defaultText == null ? absent : type.read(defaultText);
  }
}
