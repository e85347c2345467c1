package io.cairn.client.dev;

import io.cairn.client.cli.CommandFailure;
import io.cairn.metadata.options.Address;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.Map;

/** Finds busy ports before anything starts: afterwards each member would report it its own way. */
final class FreePorts {
  private FreePorts() {}

  /**
   * Binds every port of the cluster for a moment.
   *
   * @throws CommandFailure that names the first one that is not to be had, and what it is for.
   */
  static void check(DevLayout layout) {
    for (DevLayout.Member member : layout.members()) {
      for (Map.Entry<String, Address> listen : member.listens().entrySet()) {
        check(member, listen.getKey(), listen.getValue());
      }
    }
  }

  private static void check(DevLayout.Member member, String option, Address address) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(InetAddress.getByName(address.host()), address.port()));
    } catch (IOException e) {
      throw new CommandFailure(
          address
              + ", "
              + option
              + " of "
              + member.name()
              + ", cannot be listened on: "
              + e.getMessage()
              + "; stop what uses it, or choose another "
              + switch (option) {
                case "nbd.address" -> "--nbd";
                case "iscsi.address" -> "--iscsi";
                default -> "--base-port";
              },
          e);
    }
  }
}
