package io.cairn.client.scsi;

/**
 * What tells a logical unit from all others, and stays the same wherever it is exported.
 *
 * @param clusterId of the cluster.
 * @param volumeId of the volume in it, never reused.
 * @param targetName iSCSI name of the target.
 * @param targetPort relative target port identifier of the port through which it is seen here, from
 *     1; the one thing that differs between gateways.
 */
public record Identity(long clusterId, long volumeId, String targetName, int targetPort) {
  /** PRODUCT SERIAL NUMBER, SPC-4 7.8.14: 32 hexadecimal digits. */
  public String serial() {
    return String.format("%016x%016x", clusterId, volumeId);
  }

  /** A locally assigned NAA identifier, SPC-4 7.8.6.6.4: 3h and 60 bits of both ids mixed. */
  public long naa() {
    long mixed = clusterId * 0x9e3779b97f4a7c15L + volumeId;
    mixed = (mixed ^ mixed >>> 30) * 0xbf58476d1ce4e5b9L;
    mixed = (mixed ^ mixed >>> 27) * 0x94d049bb133111ebL;
    mixed ^= mixed >>> 31;
    return 0x3000_0000_0000_0000L | mixed & 0x0fff_ffff_ffff_ffffL;
  }
}
