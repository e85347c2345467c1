package io.cairn.client.cli;

import io.cairn.metadata.client.MetadataClient;
import io.cairn.metadata.options.Address;
import io.cairn.metadata.ratis.RatisMetadataClient;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.UnknownHostException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;

/**
 * Connects to a real metadata group. A cluster that is not there at all is told apart from one that
 * has no leader at the moment: the first fails at once, the second is worth the wait.
 */
final class GroupConnector implements MetadataConnector {
  private static final int CONNECT_TIMEOUT_MILLIS = 1_000;

  @Override
  public MetadataClient connect(List<String> addresses, Duration deadline) {
    String reason = null;
    for (String address : addresses) {
      String refusal = refusal(address);
      if (refusal == null) {
        return RatisMetadataClient.connect(new SecureRandom().nextLong(), addresses, deadline);
      }
      reason = reason == null ? refusal : reason;
    }
    throw new CommandFailure(
        "no metadata server answers at "
            + String.join(",", addresses)
            + " ("
            + reason
            + "); start the cluster, or name its servers with --metadata or CAIRN_METADATA");
  }

  /** Why nobody listens there, or null when somebody does. */
  private static String refusal(String text) {
    Address address = Address.parse(text);
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(address.host(), address.port()), CONNECT_TIMEOUT_MILLIS);
      return null;
    } catch (UnknownHostException e) {
      return "unknown host " + address.host();
    } catch (IOException e) {
      return e.getMessage();
    }
  }
}
