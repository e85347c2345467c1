package io.cairn.metadata.directory;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.zip.CRC32C;

/**
 * Whose a data directory is.
 *
 * @param role of the server that made it.
 * @param clusterId 0 until the server has joined.
 * @param storeIdHigh with storeIdLow, random and made with the directory: an emptied directory is
 *     another store.
 * @param incarnation counts the openings of the directory, from 1.
 * @param nodeId 0 until the metadata has given it.
 */
public record Identity(
    String role, long clusterId, long storeIdHigh, long storeIdLow, long incarnation, long nodeId) {
  /** Version 1: the first. */
  static final int FORMAT = 1;

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HexFormat HEX = HexFormat.of();

  Identity opened() {
    return new Identity(
        role, clusterId, storeIdHigh, storeIdLow, Math.addExact(incarnation, 1), nodeId);
  }

  Identity joined(long joinedClusterId, long givenNodeId) {
    return new Identity(role, joinedClusterId, storeIdHigh, storeIdLow, incarnation, givenNodeId);
  }

  /** JSON on one line, with a checksum over the other members. */
  byte[] encode() {
    ObjectNode json =
        JSON.createObjectNode()
            .put("format", FORMAT)
            .put("role", role)
            .put("clusterId", HEX.toHexDigits(clusterId))
            .put("storeId", HEX.toHexDigits(storeIdHigh) + HEX.toHexDigits(storeIdLow))
            .put("incarnation", incarnation)
            .put("nodeId", nodeId)
            .put("checksum", checksum());
    return (json + "\n").getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Reads what {@link #encode} wrote.
   *
   * @throws IllegalArgumentException when it is damaged or of a newer format, saying which.
   */
  static Identity decode(byte[] bytes) {
    JsonNode json;
    try {
      json = JSON.readTree(bytes);
    } catch (IOException e) {
      throw new IllegalArgumentException("is damaged: it is not JSON", e);
    }
    int format = json == null ? 0 : json.path("format").asInt();
    if (format > FORMAT) {
      throw new IllegalArgumentException(
          "has format " + format + ", this program knows up to " + FORMAT + ": use a newer one");
    }
    try {
      String store = json.path("storeId").asText();
      Identity identity =
          new Identity(
              json.path("role").asText(),
              HexFormat.fromHexDigitsToLong(json.path("clusterId").asText()),
              HexFormat.fromHexDigitsToLong(store, 0, 16),
              HexFormat.fromHexDigitsToLong(store, 16, 32),
              json.path("incarnation").asLong(),
              json.path("nodeId").asLong());
      if (format == FORMAT && json.path("checksum").asText().equals(identity.checksum())) {
        return identity;
      }
    } catch (RuntimeException e) {
      throw new IllegalArgumentException("is damaged: " + e.getMessage(), e);
    }
    throw new IllegalArgumentException("is damaged: its checksum does not fit");
  }

  private String checksum() {
    CRC32C crc = new CRC32C();
    String text =
        String.join(
            " ",
            role,
            HEX.toHexDigits(clusterId),
            HEX.toHexDigits(storeIdHigh),
            HEX.toHexDigits(storeIdLow),
            Long.toString(incarnation),
            Long.toString(nodeId));
    crc.update(text.getBytes(StandardCharsets.UTF_8));
    return HEX.toHexDigits((int) crc.getValue());
  }
}
