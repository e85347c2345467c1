package io.cairn.metadata.http;

import java.util.Map;
import java.util.concurrent.CompletionStage;

/** What a server shows beside the pages for operators. */
public interface Pages {
  /** None. */
  Pages NONE = request -> null;

  /**
   * A request without a body.
   *
   * @param method GET or POST.
   * @param path without the parameters.
   * @param parameters of the query; the last of one name counts.
   * @param headers by lower-case name; the first of one name counts.
   */
  record Request(
      String method, String path, Map<String, String> parameters, Map<String, String> headers) {}

  /**
   * Answers on any thread; called on the server's, which it must not block. An answer that takes
   * longer than a request may is not waited for.
   *
   * @return null when there is no such page.
   */
  CompletionStage<Page> answer(Request request);
}
