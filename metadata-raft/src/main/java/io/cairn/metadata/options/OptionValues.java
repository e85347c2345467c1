package io.cairn.metadata.options;

import java.util.List;
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
   * What is in force, in the order of the reference. None of it is secret: options name the files
   * that hold secrets.
   */
  public List<InForce> inForce() {
    return set.options().stream().map(this::inForce).toList();
  }

  private InForce inForce(Option<?> option) {
    GivenOption value = given.get(option.key());
    return value == null
        ? new InForce(option.key(), option.defaultText(), null)
        : new InForce(option.key(), value.text(), value.source());
  }

  /**
   * One option.
   *
   * @param text its value as it would be written; null when it has none.
   * @param source where the value stands; null for a default.
   */
  public record InForce(String key, String text, String source) {}

  /** The role whose options these are. */
  public String role() {
    return set.role();
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
