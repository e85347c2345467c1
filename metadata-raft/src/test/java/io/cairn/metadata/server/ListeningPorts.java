package io.cairn.metadata.server;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.Random;

/**
 * Ports for the servers of tests that must know them beforehand, or be started on them again. They
 * lie below those that the kernel gives to outgoing connections and to port 0: one of those could
 * be taken between the choice and its use. No two calls in a process give the same port, nor do
 * calls in two of a build's processes, which have a half of them each. Safe for use by several
 * threads.
 */
public final class ListeningPorts {
  private static final int FORKS = 2;
  private static final int FORK = Integer.getInteger("cairn.test.fork", 1);

  /** Above all of them the chaos runs choose theirs, which may run beside a test. */
  private static final int COUNT = 5_000 / FORKS;

  private static final int LOWEST = 10_000 + (FORK - 1) % FORKS * COUNT;

  /** Not from a seed: processes beside each other must not choose alike. */
  private static int next = new Random().nextInt(COUNT);

  private ListeningPorts() {}

  /** An address of this machine that nobody listens at, "127.0.0.1:PORT". */
  public static String address() {
    return "127.0.0.1:" + port();
  }

  /** A port that nobody listens at. */
  public static synchronized int port() {
    for (int attempt = 0; attempt < COUNT; attempt++) {
      int port = LOWEST + next++ % COUNT;
      if (isFree(port)) {
        return port;
      }
    }
    throw new IllegalStateException(
        "somebody listens at every port from " + LOWEST + " to " + (LOWEST + COUNT - 1));
  }

  private static boolean isFree(int port) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      return true;
    } catch (BindException taken) {
      return false;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
