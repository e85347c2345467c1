package io.cairn.client.iscsi;

import io.cairn.metadata.model.AccessRecord;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Which initiators see and open which volume, by initiator name (RFC 7143 section 9.1, access
 * control). Immutable. A name proves nothing without CHAP.
 */
public final class InitiatorAccess {
  /** Stands for every initiator. */
  private static final String EVERYBODY = "*";

  /** Null when nothing is restricted. */
  private final Map<String, Set<String>> byVolume;

  private InitiatorAccess(Map<String, Set<String>> byVolume) {
    this.byVolume = byVolume;
  }

  /** Every initiator sees every volume. */
  public static InitiatorAccess unrestricted() {
    return new InitiatorAccess(null);
  }

  /**
   * Reads lines of {@code VOLUME INITIATOR…}, where * stands for every initiator; a volume may have
   * several lines, and one without any is seen by nobody. Empty lines and those with # are passed
   * over.
   *
   * @throws IllegalArgumentException with the number of the line and what is wrong in it.
   */
  public static InitiatorAccess parse(String text) {
    Map<String, Set<String>> byVolume = new HashMap<>();
    int number = 0;
    for (String line : text.split("\n", -1)) {
      number++;
      String[] words = line.strip().split("\\s+");
      if (line.isBlank() || words[0].startsWith("#")) {
        continue;
      }
      if (words.length < 2) {
        throw new IllegalArgumentException(
            "line " + number + " names no initiator: expected VOLUME INITIATOR…");
      }
      Set<String> initiators = byVolume.computeIfAbsent(words[0], volume -> new HashSet<>());
      for (int i = 1; i < words.length; i++) {
        String name = words[i];
        boolean named =
            name.startsWith("iqn.") || name.startsWith("eui.") || name.startsWith("naa.");
        if (!named && !name.equals(EVERYBODY)
            || name.length() > AccessRecord.Initiator.NAME_LENGTH_MAX) {
          throw new IllegalArgumentException(
              "line "
                  + number
                  + ": '"
                  + name
                  + "' is no iSCSI name: expected iqn.…, eui.… or naa.… of at most "
                  + AccessRecord.Initiator.NAME_LENGTH_MAX
                  + " characters, or *");
        }
        initiators.add(name);
      }
    }
    return new InitiatorAccess(byVolume);
  }

  /** Whether this initiator may see and open this volume. */
  public boolean allows(String volume, String initiatorName) {
    if (byVolume == null) {
      return true;
    }
    Set<String> initiators = byVolume.getOrDefault(volume, Set.of());
    return initiators.contains(EVERYBODY) || initiators.contains(initiatorName);
  }

  @Override
  public String toString() {
    return byVolume == null ? "no ACL" : "ACL for " + byVolume.size() + " volumes";
  }
}
