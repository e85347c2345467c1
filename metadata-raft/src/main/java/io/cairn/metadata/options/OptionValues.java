package io.cairn.metadata.options;

import java.util.Map;

/** Checked values of all options of one role. Immutable. */
public final class OptionValues {
  private final OptionSet set;
  private final Map<String, GivenOption> given;
  private final Map<String, Object> values;

  OptionValues(OptionSet set, Map<String, GivenOption> given, Map<String, Object> values) {
    this.set = set;
    this.given = given;
    this.values = values;
  }

  /** The value that was given, or the default. */
  public <T> T get(Option<T> option) {
    if (!set.holds(option)) {
      throw new IllegalArgumentException(
          "option " + option.key() + " is not declared by the role " + set.role());
    }
    // The map holds what the same option's type made of the text.
    @SuppressWarnings("unchecked")
    T value = (T) values.get(option.key());
    return value;
  }

  /**
   * The refusal of a value that only its use showed to be wrong, such as an address that cannot be
   * bound; it names the place where the value stands.
   */
  public OptionException refuse(Option<?> option, String why) {
    GivenOption value = given.get(option.key());
    return value == null
        ? new OptionException("option " + option.key() + ": " + why)
        : new OptionException(
            value.source() + ": option " + option.key() + " is '" + value.text() + "': " + why);
  }
}
