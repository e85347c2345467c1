package io.cairn.metadata.machine;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiPredicate;

/** {@link KeyValues} in memory. */
public final class TreeKeyValues implements KeyValues {
  private final TreeMap<String, byte[]> map = new TreeMap<>();

  @Override
  public byte[] get(String key) {
    return map.get(key);
  }

  @Override
  public void put(String key, byte[] value) {
    map.put(key, value);
  }

  @Override
  public void delete(String key) {
    map.remove(key);
  }

  @Override
  public void scan(String from, String to, BiPredicate<String, byte[]> visitor) {
    for (Map.Entry<String, byte[]> entry : map.subMap(from, to).entrySet()) {
      if (!visitor.test(entry.getKey(), entry.getValue())) {
        return;
      }
    }
  }
}
