package io.cairn.metadata.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cairn.metadata.options.OptionValues;
import io.cairn.metadata.release.Release;
import io.netty.handler.codec.http.HttpResponseStatus;
import java.lang.management.ManagementFactory;
import java.lang.management.RuntimeMXBean;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * {@code /support}: what a maintainer asks for first, as JSON; {@code cairn support-bundle} fetches
 * it from every server. Release, options in force, and the last lines of the log; no secret is in
 * there, but names and addresses are, as in the metrics. Thread-safe.
 */
public final class SupportPage implements Pages {
  /** Where it is. */
  public static final String PATH = "/support";

  private final OptionValues options;
  private final Pages others;

  /** The page of a server with these options. */
  public SupportPage(OptionValues options) {
    this(options, Pages.NONE);
  }

  /**
   * The same before other pages.
   *
   * @param others asked for every other path.
   */
  public SupportPage(OptionValues options, Pages others) {
    this.options = options;
    this.others = others;
  }

  @Override
  public CompletionStage<Page> answer(Request request) {
    if (!request.path().equals(PATH) || !request.method().equals("GET")) {
      return others.answer(request);
    }
    return CompletableFuture.completedStage(
        new Page(HttpResponseStatus.OK, "application/json", json().toPrettyString() + "\n"));
  }

  private ObjectNode json() {
    RuntimeMXBean jvm = ManagementFactory.getRuntimeMXBean();
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("role", options.role())
        .put("release", Release.name())
        .put("level", Release.level())
        .put("java", System.getProperty("java.vm.name") + " " + Runtime.version())
        .put("system", System.getProperty("os.name") + " " + System.getProperty("os.version"))
        .put("architecture", System.getProperty("os.arch"))
        .put("processors", Runtime.getRuntime().availableProcessors())
        .put("heapMaxBytes", Runtime.getRuntime().maxMemory())
        .put("startedMillis", jvm.getStartTime())
        .put("uptimeMillis", jvm.getUptime());
    ArrayNode inForce = json.putArray("options");
    for (OptionValues.InForce option : options.inForce()) {
      inForce
          .addObject()
          .put("key", option.key())
          .put("value", option.text())
          .put("source", option.source() == null ? "default" : option.source());
    }
    ArrayNode log = json.putArray("log");
    RecentLines.all().forEach(log::add);
    return json;
  }
}
