package io.cairn.bench.chaos;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Ports for one cluster: {@code base+1} to {@code base+SPAN}, the last five for NBD, iSCSI and a
 * second gateway. They lie below those that the kernel gives to outgoing connections, or one of
 * those would sit on the port of a server that was just killed.
 */
public record Ports(int base) {
  /** Five more than what {@code cairn dev} uses above its base. */
  static final int SPAN = 66;

  private static final int LOWEST = 15_000;
  private static final int HIGHEST = 32_000;
  private static final int ATTEMPTS = 100;

  /** Ports that nobody listens on now. */
  public static Ports free() {
    // Not from a seed: runs beside each other must not choose alike.
    Random random = new Random();
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      Ports ports = new Ports(LOWEST + random.nextInt((HIGHEST - LOWEST) / SPAN) * SPAN);
      if (ports.areFree()) {
        return ports;
      }
    }
    throw new ChaosFailure(
        "no " + SPAN + " free ports found between " + LOWEST + " and " + HIGHEST);
  }

  int secondIscsi() {
    return base + SPAN - 4;
  }

  int iscsi() {
    return base + SPAN - 3;
  }

  int nbd() {
    return base + SPAN - 2;
  }

  int secondNbd() {
    return base + SPAN - 1;
  }

  int secondHttp() {
    return base + SPAN;
  }

  private boolean areFree() {
    List<ServerSocket> sockets = new ArrayList<>();
    try {
      for (int offset = 1; offset <= SPAN; offset++) {
        ServerSocket socket = new ServerSocket();
        sockets.add(socket);
        socket.setReuseAddress(true);
        socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), base + offset));
      }
      return true;
    } catch (IOException e) {
      return false;
    } finally {
      for (ServerSocket socket : sockets) {
        try {
          socket.close();
        } catch (IOException e) {
          throw new ChaosFailure("a socket that was only tried cannot be closed", e);
        }
      }
    }
  }
}
