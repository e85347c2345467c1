package io.cairn.bench.chaos;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Ports for one cluster: {@code base+1} to {@code base+66}, the last five for NBD, iSCSI and a
 * second gateway. They lie below those that the kernel gives to outgoing connections, or one of
 * those would sit on the port of a server that was just killed.
 *
 * <p>One more, which no server uses, is listened at as long as this process lives: so two processes
 * that run clusters beside each other never choose alike, whenever the servers start.
 */
public record Ports(int base) {
  /** Five more than what {@code cairn dev} uses above its base. */
  private static final int SERVERS = 66;

  private static final int CLAIM = SERVERS + 1;
  private static final int SPAN = CLAIM + 1;
  private static final int LOWEST = 15_000;
  private static final int HIGHEST = 32_000;
  private static final int ATTEMPTS = 100;

  /** Kept from the collector, which would close them. */
  private static final List<ServerSocket> CLAIMS = new ArrayList<>();

  /** Ports that nobody listens on now, and that nobody else is given. */
  public static synchronized Ports free() {
    // Not from a seed: runs beside each other must not choose alike.
    Random random = new Random();
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      Ports ports = new Ports(LOWEST + random.nextInt((HIGHEST - LOWEST) / SPAN) * SPAN);
      if (ports.claim()) {
        return ports;
      }
    }
    throw new ChaosFailure(
        "no " + SPAN + " free ports found between " + LOWEST + " and " + HIGHEST);
  }

  int secondIscsi() {
    return base + SERVERS - 4;
  }

  int iscsi() {
    return base + SERVERS - 3;
  }

  int nbd() {
    return base + SERVERS - 2;
  }

  int secondNbd() {
    return base + SERVERS - 1;
  }

  int secondHttp() {
    return base + SERVERS;
  }

  private boolean claim() {
    List<ServerSocket> tried = new ArrayList<>();
    try {
      // First, as whoever else claims them looks at the others only when it has this one.
      ServerSocket claim = listening(base + CLAIM);
      boolean free = false;
      try {
        for (int offset = 1; offset <= SERVERS; offset++) {
          tried.add(listening(base + offset));
        }
        free = true;
      } finally {
        (free ? CLAIMS : tried).add(claim);
      }
      return true;
    } catch (IOException taken) {
      return false;
    } finally {
      for (ServerSocket socket : tried) {
        try {
          socket.close();
        } catch (IOException e) {
          throw new ChaosFailure("a socket that was only tried cannot be closed", e);
        }
      }
    }
  }

  private static ServerSocket listening(int port) throws IOException {
    ServerSocket socket = new ServerSocket();
    try {
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      return socket;
    } catch (IOException e) {
      socket.close();
      throw e;
    }
  }
}
