package io.cairn.metadata.machine;

import java.util.function.BiPredicate;

/**
 * Ordered map of ASCII keys to bytes that holds the state. In memory for the simulator and tests,
 * RocksDB in a server. Reads see all earlier writes.
 */
public interface KeyValues {
  /** The value, or null. */
  byte[] get(String key);

  /** Stores a value, which the caller does not change afterwards. */
  void put(String key, byte[] value);

  /** Removes a key if it is there. */
  void delete(String key);

  /**
   * Visits keys in order until the visitor says false.
   *
   * @param from first key, inclusive.
   * @param to end of the range, exclusive.
   */
  void scan(String from, String to, BiPredicate<String, byte[]> visitor);
}
