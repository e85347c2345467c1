package io.cairn.client.attach;

import io.cairn.client.attach.Attachments.Attachment;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * The connections of a device to its gateway: opened here, agreed upon, and given to the kernel.
 */
final class Connections {
  private final int count;
  private final int timeoutMillis;

  /**
   * Connections of one device.
   *
   * @param count how many.
   * @param timeoutMillis how long a gateway may take for each step of one.
   */
  Connections(int count, int timeoutMillis) {
    this.count = count;
    this.timeoutMillis = timeoutMillis;
  }

  /** Makes a device, and returns its number; {@link NbdControl#connect}. */
  int connect(
      NbdControl kernel,
      int index,
      String volume,
      GatewayAddress gateway,
      NbdControl.Behaviour behaviour)
      throws IOException {
    List<NbdSocket> sockets = open(volume, gateway);
    try {
      return kernel.connect(index, Attachments.backendOf(volume, gateway), behaviour, sockets);
    } finally {
      sockets.forEach(NbdSocket::close);
    }
  }

  /** Offers new connections to a device; those that it does not lack are closed again. */
  void reconnect(NbdControl kernel, Attachment attachment) throws IOException {
    List<NbdSocket> sockets = open(attachment.volume(), attachment.gateway());
    try {
      kernel.reconnect(attachment.index(), attachment.backend(), sockets);
    } finally {
      sockets.forEach(NbdSocket::close);
    }
  }

  private List<NbdSocket> open(String volume, GatewayAddress gateway) throws IOException {
    List<NbdSocket> sockets = new ArrayList<>();
    try {
      do {
        sockets.add(NbdSocket.open(gateway, volume, timeoutMillis));
      } while (sockets.size() < count && sockets.getFirst().permitsSeveral());
      return sockets;
    } catch (IOException | RuntimeException e) {
      sockets.forEach(NbdSocket::close);
      throw e;
    }
  }
}
