package io.cairn.client.attach;

import io.cairn.client.attach.Netlink.Attributes;
import io.cairn.client.attach.Netlink.Message;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;

/** The kernel's NBD driver, told by generic netlink (linux/nbd-netlink.h) what to do. */
final class NbdControl implements AutoCloseable {
  private static final int GENERIC = 16;
  private static final int GET_FAMILY = 3;
  private static final int FAMILY_ID = 1;
  private static final int FAMILY_NAME = 2;
  private static final int MULTICAST_GROUPS = 7;
  private static final int GROUP_NAME = 1;
  private static final int GROUP_ID = 2;
  private static final int SOL_NETLINK = 270;
  private static final int ADD_MEMBERSHIP = 1;

  private static final int CONNECT = 1;
  private static final int DISCONNECT = 2;
  private static final int RECONFIGURE = 3;
  private static final int LINK_DEAD = 4;

  private static final int INDEX = 1;
  private static final int SIZE_BYTES = 2;
  private static final int BLOCK_SIZE_BYTES = 3;
  private static final int TIMEOUT_SECONDS = 4;
  private static final int SERVER_FLAGS = 5;
  private static final int SOCKETS = 7;
  private static final int DEAD_CONNECTION_SECONDS = 8;
  private static final int BACKEND = 10;
  private static final int SOCKET_ITEM = 1;
  private static final int SOCKET_FD = 1;

  private static final int ANSWER_MILLIS = 10_000;
  private static final int MESSAGE_BYTES_MAX = 64 * 1024;

  /**
   * How a device behaves.
   *
   * @param blockBytes smallest unit of its requests.
   * @param requestSeconds after which a request is sent again on another connection.
   * @param deadSeconds how long requests wait for a new connection when all are gone.
   */
  record Behaviour(int blockBytes, int requestSeconds, int deadSeconds) {}

  private final int fd;
  private final int family;
  private int sequence;

  private NbdControl(int fd, int family) {
    this.fd = fd;
    this.family = family;
  }

  /**
   * Opens a way to the driver.
   *
   * @throws IOException when the module is not loaded, or the caller is not root.
   */
  static NbdControl open() throws IOException {
    int fd = netlink();
    try {
      return new NbdControl(fd, number(family(fd), FAMILY_ID));
    } catch (IOException | RuntimeException e) {
      Posix.close(fd);
      throw e;
    }
  }

  /** Opens a way on which the driver says which devices lost a connection. */
  static NbdControl listen() throws IOException {
    int fd = netlink();
    try {
      Map<Integer, ByteBuffer> found = family(fd);
      ByteBuffer groups = found.get(MULTICAST_GROUPS);
      if (groups == null) {
        throw new IOException("the kernel's NBD driver tells nobody of lost connections");
      }
      for (ByteBuffer group : Netlink.attributes(groups).values()) {
        Map<Integer, ByteBuffer> fields = Netlink.attributes(group);
        if (fields.containsKey(GROUP_NAME)) {
          Posix.option(
              fd, SOL_NETLINK, ADD_MEMBERSHIP, GatewayAddress.number(number(fields, GROUP_ID)));
        }
      }
      return new NbdControl(fd, number(found, FAMILY_ID));
    } catch (IOException | RuntimeException e) {
      Posix.close(fd);
      throw e;
    }
  }

  private static int netlink() throws IOException {
    int fd = Posix.socket(Posix.AF_NETLINK, Posix.SOCK_RAW, GENERIC);
    try {
      byte[] any =
          ByteBuffer.allocate(12)
              .order(ByteOrder.nativeOrder())
              .putShort((short) Posix.AF_NETLINK)
              .array();
      Posix.bind(fd, any);
      GatewayAddress.timeout(fd, ANSWER_MILLIS);
      return fd;
    } catch (IOException e) {
      Posix.close(fd);
      throw e;
    }
  }

  private static Map<Integer, ByteBuffer> family(int fd) throws IOException {
    byte[] request =
        Netlink.request(GENERIC, GET_FAMILY, 1, new Attributes().addText(FAMILY_NAME, "nbd"));
    try {
      return ask(fd, request, 1);
    } catch (Posix.Failure e) {
      throw e.errno() == Posix.ENOENT
          ? new IOException("the kernel has no NBD driver; load it: modprobe nbd", e)
          : e;
    }
  }

  private static int number(Map<Integer, ByteBuffer> attributes, int type) throws IOException {
    ByteBuffer value = attributes.get(type);
    if (value == null) {
      throw new IOException("the kernel's answer lacks attribute " + type);
    }
    return value.limit() >= 4 ? value.getInt(0) : Short.toUnsignedInt(value.getShort(0));
  }

  /** Sends a request; returns the attributes of its answer, if it has one beside "done". */
  private static Map<Integer, ByteBuffer> ask(int fd, byte[] request, int sequence)
      throws IOException {
    Posix.send("netlink", fd, request);
    Map<Integer, ByteBuffer> answer = Map.of();
    while (true) {
      ByteBuffer received =
          ByteBuffer.wrap(Posix.receive("the kernel's NBD driver", fd, MESSAGE_BYTES_MAX));
      while (received.hasRemaining()) {
        Message message = Netlink.next(received);
        if (message.sequence() != sequence) {
          continue;
        }
        if (!message.isError()) {
          answer = message.attributes();
        } else if (message.errno() == 0) {
          return answer;
        } else {
          throw new Posix.Failure("the kernel's NBD driver", message.errno());
        }
      }
    }
  }

  private Map<Integer, ByteBuffer> ask(int command, Attributes attributes) throws IOException {
    sequence++;
    return ask(fd, Netlink.request(family, command, sequence, attributes), sequence);
  }

  private static Attributes sockets(List<NbdSocket> sockets) {
    Attributes items = new Attributes();
    for (NbdSocket socket : sockets) {
      items.addNested(SOCKET_ITEM, new Attributes().addInt(SOCKET_FD, socket.fd()));
    }
    return items;
  }

  /**
   * Makes a device of connections.
   *
   * @param index its number, or -1 for any that is free.
   * @param backend what {@code /sys/block/nbdX/backend} says from then on.
   * @return its number.
   */
  int connect(int index, String backend, Behaviour behaviour, List<NbdSocket> sockets)
      throws IOException {
    Attributes attributes = new Attributes();
    if (index >= 0) {
      attributes.addInt(INDEX, index);
    }
    attributes
        .addLong(SIZE_BYTES, sockets.getFirst().sizeBytes())
        .addLong(BLOCK_SIZE_BYTES, behaviour.blockBytes())
        .addLong(SERVER_FLAGS, sockets.getFirst().flags())
        .addLong(TIMEOUT_SECONDS, behaviour.requestSeconds())
        .addLong(DEAD_CONNECTION_SECONDS, behaviour.deadSeconds())
        .addText(BACKEND, backend)
        .addNested(SOCKETS, sockets(sockets));
    return number(ask(CONNECT, attributes), INDEX);
  }

  /** Offers connections in the place of those that are dead; the kernel takes what it lacks. */
  void reconnect(int index, String backend, List<NbdSocket> sockets) throws IOException {
    ask(
        RECONFIGURE,
        new Attributes()
            .addInt(INDEX, index)
            .addLong(SIZE_BYTES, sockets.getFirst().sizeBytes())
            .addText(BACKEND, backend)
            .addNested(SOCKETS, sockets(sockets)));
  }

  /** Takes a device's connections away; requests under way fail. */
  void disconnect(int index) throws IOException {
    ask(DISCONNECT, new Attributes().addInt(INDEX, index));
  }

  /** The device that lost a connection, or -1 when none did in that time. */
  int awaitDead(int timeoutMillis) throws IOException {
    GatewayAddress.timeout(fd, timeoutMillis);
    try {
      ByteBuffer received =
          ByteBuffer.wrap(Posix.receive("the kernel's NBD driver", fd, MESSAGE_BYTES_MAX));
      while (received.hasRemaining()) {
        Message message = Netlink.next(received);
        if (message.type() == family && message.command() == LINK_DEAD) {
          return number(message.attributes(), INDEX);
        }
      }
      return -1;
    } catch (SocketTimeoutException e) {
      return -1;
    }
  }

  @Override
  public void close() {
    Posix.close(fd);
  }
}
