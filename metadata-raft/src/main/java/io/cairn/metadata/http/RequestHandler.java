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
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.util.concurrent.Future;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * One connection: reads a request, answers it, and only then reads the next. A connection that has
 * not got an answer out in time is closed, whatever it is waiting for.
 */
final class RequestHandler extends SimpleChannelInboundHandler<HttpObject> {
  private final Operations operations;
  private final Duration requestTimeout;
  private final Duration keepAlive;
  private final Runnable onRequest;

  /** The request whose end is awaited; null between two. */
  private HttpRequest request;

  private boolean closing;
  private Future<?> deadline;

  RequestHandler(
      Operations operations, Duration requestTimeout, Duration keepAlive, Runnable onRequest) {
    this.operations = operations;
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
    send(context, Operations.Page.plain(status, status.reasonPhrase()), true, false);
  }

  private void answer(ChannelHandlerContext context) {
    boolean head = request.method().equals(HttpMethod.HEAD);
    boolean keep = HttpUtil.isKeepAlive(request);
    if (!head && !request.method().equals(HttpMethod.GET)) {
      send(
          context,
          Operations.Page.plain(HttpResponseStatus.METHOD_NOT_ALLOWED, "only GET and HEAD"),
          !keep,
          false);
      return;
    }
    String uri = request.uri();
    int query = uri.indexOf('?');
    send(context, operations.page(query < 0 ? uri : uri.substring(0, query)), !keep, head);
  }

  private void send(
      ChannelHandlerContext context, Operations.Page page, boolean close, boolean head) {
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
    if (page.status().equals(HttpResponseStatus.METHOD_NOT_ALLOWED)) {
      response.headers().set(HttpHeaderNames.ALLOW, "GET, HEAD");
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
