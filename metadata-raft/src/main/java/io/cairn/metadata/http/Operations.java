package io.cairn.metadata.http;

import io.netty.handler.codec.http.HttpResponseStatus;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the pages say.
 *
 * @param metrics all meters in Prometheus' text format.
 * @param notReadyReason null when the role serves, else one line.
 */
record Operations(Supplier<String> metrics, Supplier<String> notReadyReason) {
  private static final Logger LOG = LoggerFactory.getLogger(Operations.class);

  Page page(String path) {
    try {
      return switch (path) {
        case "/metrics" ->
            new Page(
                HttpResponseStatus.OK, "text/plain; version=0.0.4; charset=utf-8", metrics.get());
        case "/healthz" -> Page.plain(HttpResponseStatus.OK, "ok");
        case "/readyz" -> {
          String reason = notReadyReason.get();
          yield reason == null
              ? Page.plain(HttpResponseStatus.OK, "ready")
              : Page.plain(HttpResponseStatus.SERVICE_UNAVAILABLE, reason.replaceAll("\\R", " "));
        }
        default ->
            Page.plain(
                HttpResponseStatus.NOT_FOUND,
                "not found; there are /metrics, /healthz, /readyz, /support");
      };
    } catch (RuntimeException e) {
      LOG.warn("cannot answer {}: {}", path, e.toString());
      return Page.plain(HttpResponseStatus.INTERNAL_SERVER_ERROR, "failed: " + e);
    }
  }
}
