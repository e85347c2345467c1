package io.cairn.metadata.http;

import io.netty.handler.codec.http.HttpResponseStatus;

/**
 * What is answered.
 *
 * @param contentType such as "text/html; charset=utf-8".
 * @param text the whole of it.
 */
public record Page(HttpResponseStatus status, String contentType, String text) {
  /** A line of text. */
  public static Page plain(HttpResponseStatus status, String text) {
    return new Page(status, "text/plain; charset=utf-8", text + "\n");
  }
}
