package io.cairn.bench.chaos;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** One HTTP request by hand, for servers that may be half dead. */
public final class HttpProbe {
  private static final int TIMEOUT_MILLIS = 2_000;
  private static final int NO_ANSWER = -1;

  private HttpProbe() {}

  /** The status code of a GET, or -1 when there is no answer. */
  static int status(int port, String path) {
    return status(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), path);
  }

  /** The same of another host. */
  public static int status(InetSocketAddress server, String path) {
    try (Socket socket = new Socket()) {
      socket.connect(server, TIMEOUT_MILLIS);
      socket.setSoTimeout(TIMEOUT_MILLIS);
      socket
          .getOutputStream()
          .write(
              ("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                  .getBytes(StandardCharsets.US_ASCII));
      String line =
          new BufferedReader(
                  new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII))
              .readLine();
      String[] words = line == null ? new String[0] : line.split(" ");
      return words.length < 2 ? NO_ANSWER : Integer.parseInt(words[1]);
    } catch (IOException | NumberFormatException e) {
      return NO_ANSWER;
    }
  }
}
