package io.cairn.metadata.http;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.util.concurrent.Future;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

/**
 * One connection: reads a request, answers it, and only then reads the next. A connection that has
 * not got an answer out in time is closed, whatever it is waiting for.
 */
final class RequestHandler extends SimpleChannelInboundHandler<HttpObject> {
  /** Nothing from elsewhere, and no frame around what can change the cluster. */
  private static final String CONTENT_SECURITY_POLICY =
      "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'";

  private final Operations operations;
  private final Pages pages;
  private final Duration requestTimeout;
  private final Duration keepAlive;
  private final Runnable onRequest;

  /** The request whose end is awaited; null between two. */
  private HttpRequest request;

  private boolean closing;
  private Future<?> deadline;

  RequestHandler(
      Operations operations,
      Pages pages,
      Duration requestTimeout,
      Duration keepAlive,
      Runnable onRequest) {
    this.operations = operations;
    this.pages = pages;
    this.requestTimeout = requestTimeout;
    this.keepAlive = keepAlive;
    this.onRequest = onRequest;
  }

  @Override
  public void channelActive(ChannelHandlerContext context) {
    closeAfter(context, requestTimeout);
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    deadline.cancel(false);
  }

  private void closeAfter(ChannelHandlerContext context, Duration timeout) {
    if (deadline != null) {
      deadline.cancel(false);
    }
    deadline =
        context
            .executor()
            .schedule(() -> context.close(), timeout.toMillis(), TimeUnit.MILLISECONDS);
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, HttpObject part) {
    if (closing) {
      return;
    }
    if (part.decoderResult().isFailure()) {
      refuse(context, statusOf(part.decoderResult().cause()));
      return;
    }
    if (part instanceof HttpRequest begun) {
      request = begun;
    }
    if (part instanceof HttpContent content && content.content().isReadable()) {
      refuse(context, HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE);
    } else if (part instanceof LastHttpContent) {
      // What the peer sends ahead waits until this answer is out.
      context.channel().config().setAutoRead(false);
      onRequest.run();
      answer(context);
    } else if (HttpUtil.isContentLengthSet(request) && HttpUtil.getContentLength(request, 0L) > 0) {
      refuse(context, HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE);
    }
  }

  private static HttpResponseStatus statusOf(Throwable failure) {
    if (failure instanceof TooLongHttpLineException) {
      return HttpResponseStatus.REQUEST_URI_TOO_LONG;
    }
    return failure instanceof TooLongHttpHeaderException
        ? HttpResponseStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        : HttpResponseStatus.BAD_REQUEST;
  }

  private void refuse(ChannelHandlerContext context, HttpResponseStatus status) {
    closing = true;
    send(context, Page.plain(status, status.reasonPhrase()), true, false);
  }

  private void answer(ChannelHandlerContext context) {
    boolean head = request.method().equals(HttpMethod.HEAD);
    boolean keep = HttpUtil.isKeepAlive(request);
    CompletionStage<Page> answer = head ? null : pages.answer(asked(request));
    if (answer != null) {
      answer.whenCompleteAsync(
          (page, problem) -> send(context, problem == null ? page : failed(problem), !keep, false),
          context.executor());
      return;
    }
    if (!head && !request.method().equals(HttpMethod.GET)) {
      send(
          context,
          Page.plain(HttpResponseStatus.METHOD_NOT_ALLOWED, "only GET and HEAD"),
          !keep,
          false);
      return;
    }
    String uri = request.uri();
    int query = uri.indexOf('?');
    send(context, operations.page(query < 0 ? uri : uri.substring(0, query)), !keep, head);
  }

  private static Page failed(Throwable problem) {
    return Page.plain(HttpResponseStatus.SERVICE_UNAVAILABLE, "failed: " + problem.getMessage());
  }

  private static Pages.Request asked(HttpRequest request) {
    Map<String, String> parameters = new LinkedHashMap<>();
    String path = request.uri();
    try {
      QueryStringDecoder decoder = new QueryStringDecoder(request.uri());
      path = decoder.path();
      decoder.parameters().forEach((name, values) -> parameters.put(name, values.getLast()));
    } catch (IllegalArgumentException e) {
      // A broken escape: there is no page of such a name.
      parameters.clear();
    }
    Map<String, String> headers = new LinkedHashMap<>();
    request
        .headers()
        .forEach(
            header ->
                headers.putIfAbsent(header.getKey().toLowerCase(Locale.ROOT), header.getValue()));
    return new Pages.Request(request.method().name(), path, parameters, headers);
  }

  private void send(ChannelHandlerContext context, Page page, boolean close, boolean head) {
    ByteBuf text = Unpooled.copiedBuffer(page.text(), StandardCharsets.UTF_8);
    int length = text.readableBytes();
    FullHttpResponse response =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1, page.status(), head ? Unpooled.EMPTY_BUFFER : text);
    if (head) {
      text.release();
    }
    response.headers().set(HttpHeaderNames.CONTENT_TYPE, page.contentType());
    response.headers().setInt(HttpHeaderNames.CONTENT_LENGTH, length);
    response.headers().set("x-content-type-options", "nosniff");
    response.headers().set(HttpHeaderNames.CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    response.headers().set(HttpHeaderNames.CACHE_CONTROL, "no-store");
    if (page.status().equals(HttpResponseStatus.METHOD_NOT_ALLOWED)) {
      response.headers().set(HttpHeaderNames.ALLOW, "GET, HEAD");
    }
    if (page.status().equals(HttpResponseStatus.UNAUTHORIZED)) {
      response.headers().set(HttpHeaderNames.WWW_AUTHENTICATE, "Bearer");
    }
    if (close) {
      response.headers().set(HttpHeaderNames.CONNECTION, "close");
    }
    request = null;
    context
        .writeAndFlush(response)
        .addListener(
            close
                ? ChannelFutureListener.CLOSE
                : written -> {
                  closeAfter(context, keepAlive);
                  context.channel().config().setAutoRead(true);
                });
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    // The peer went away or broke the protocol; there is nobody to tell.
    context.close();
  }
}
