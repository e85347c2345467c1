package io.cairn.metadata.model;

/**
 * Where a gateway serves iSCSI initiators.
 *
 * @param number of the gateway's target port and portal group, from 1; stays the same for a gateway
 *     of that name.
 * @param gateway the gateway's configured name.
 * @param address HOST:PORT, as initiators are told.
 */
public record PortalRecord(int number, String gateway, String address) {
  /** Highest number: a relative target port identifier has 16 bits. */
  public static final int NUMBER_MAX = 65_535;
}
