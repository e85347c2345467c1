package io.cairn.metadata.model;

import java.util.List;

/**
 * Which iSCSI initiators may see and open a volume (RFC 7143 section 9.1).
 *
 * @param listed whether there is a list: an empty one admits nobody. Without one the settings of
 *     the gateways decide.
 * @param initiators by name, in the order in which they were admitted.
 */
public record AccessRecord(long volumeId, boolean listed, List<Initiator> initiators) {
  /** Initiators of one volume. */
  public static final int INITIATORS_MAX = 256;

  /** Keeps the list immutable. */
  public AccessRecord {
    initiators = initiators == null ? List.of() : List.copyOf(initiators);
  }

  /** That of a volume which has no list. */
  public static AccessRecord none(long volumeId) {
    return new AccessRecord(volumeId, false, List.of());
  }

  /**
   * One that may.
   *
   * @param name its iSCSI name.
   * @param account the name that it must prove by CHAP; null when any that the gateway knows will
   *     do, and none where gateways ask for none.
   */
  public record Initiator(String name, String account) {
    /** Longest iSCSI name, RFC 7143 section 4.2.7.1. */
    public static final int NAME_LENGTH_MAX = 223;
  }

  /**
   * Whether an initiator may.
   *
   * @param account that it has proved; null when it proved none.
   */
  public boolean admits(String name, String account) {
    return initiators.stream()
        .anyMatch(
            one ->
                one.name().equals(name)
                    && (one.account() == null || one.account().equals(account)));
  }
}
