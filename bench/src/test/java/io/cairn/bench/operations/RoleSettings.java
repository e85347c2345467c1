package io.cairn.bench.operations;

import io.cairn.client.gateway.GatewayOptions;
import io.cairn.metadata.options.OptionSet;
import io.cairn.metadata.options.OptionValues;
import io.cairn.metadata.server.MetadataOptions;
import io.cairn.storage.node.StorageOptions;
import java.util.LinkedHashMap;
import java.util.Map;

/** Reads a container's environment as the role in it would: what the role refuses is an error. */
final class RoleSettings {
  /** What the image sets, as its Dockerfile says. */
  private static final Map<String, String> IMAGE =
      Map.of(
          "CAIRN_METADATA_DATA_DIRECTORY", "/var/lib/cairn",
          "CAIRN_METADATA_HTTP_ADDRESS", "0.0.0.0:7121",
          "CAIRN_STORAGE_DATA_DIRECTORY", "/var/lib/cairn",
          "CAIRN_STORAGE_HTTP_ADDRESS", "0.0.0.0:7141",
          "CAIRN_GATEWAY_NBD_ADDRESS", "0.0.0.0:10809",
          "CAIRN_GATEWAY_HTTP_ADDRESS", "0.0.0.0:7161");

  private RoleSettings() {}

  private static OptionSet of(String role) {
    return switch (role) {
      case "metadata" -> MetadataOptions.SET;
      case "storage" -> StorageOptions.SET;
      case "gateway" -> GatewayOptions.SET;
      default -> throw new IllegalArgumentException("there is no role " + role);
    };
  }

  /** The role's settings; throws on a variable that it does not know, and on a bad value. */
  static OptionValues read(String role, Map<String, String> environment) {
    Map<String, String> all = new LinkedHashMap<>(IMAGE);
    all.putAll(environment);
    return of(role).read(null, all, Map.of());
  }
}
