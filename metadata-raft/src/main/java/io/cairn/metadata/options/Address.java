package io.cairn.metadata.options;

/**
 * Where a server listens or is found.
 *
 * @param host a name or an address, without the brackets of IPv6.
 * @param port 0 to 65535; 0, which only a listener may have, stands for any free port.
 */
public record Address(String host, int port) {
  private static final int PORT_MAX = 65_535;
  private static final int HOST_LENGTH_MAX = 253;

  /** Checks the components. */
  public Address {
    if (host.isEmpty() || host.length() > HOST_LENGTH_MAX || !host.matches("[A-Za-z0-9._:%-]+")) {
      throw new IllegalArgumentException("'" + host + "' is no host name or address");
    }
    if (port < 0 || port > PORT_MAX) {
      throw new IllegalArgumentException("port " + port + " is outside 0 to " + PORT_MAX);
    }
  }

  /**
   * Reads HOST:PORT; an IPv6 address stands in brackets.
   *
   * @throws IllegalArgumentException with a message for people.
   */
  public static Address parse(String text) {
    int colon = text.lastIndexOf(':');
    String host = colon < 0 ? "" : text.substring(0, colon);
    boolean bracketed = host.startsWith("[") && host.endsWith("]");
    if (!text.substring(colon + 1).matches("\\d{1,5}")
        || host.isEmpty()
        || (host.contains(":") && !bracketed)) {
      throw new IllegalArgumentException("'" + text + "' is not HOST:PORT");
    }
    return new Address(
        bracketed ? host.substring(1, host.length() - 1) : host,
        Integer.parseInt(text.substring(colon + 1)));
  }

  /** The same, with that host where this one stands for all interfaces of its machine. */
  public Address reachableBy(String name) {
    boolean all = host.matches("[0.:]+");
    return all ? new Address(name, port) : this;
  }

  /** HOST:PORT, as {@link #parse} reads it. */
  @Override
  public String toString() {
    return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
  }
}
