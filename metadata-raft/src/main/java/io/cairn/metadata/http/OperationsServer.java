package io.cairn.metadata.http;

import io.cairn.metadata.options.Address;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.flow.FlowControlHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Serves {@code /metrics}, {@code /healthz} and {@code /readyz} on a thread of its own. Everything
 * that a peer can make it hold is bounded: connections (the longest silent one goes when there are
 * too many), the request's line and headers, the time of a request; it takes no bodies and answers
 * one request of a connection after another.
 */
public final class OperationsServer implements AutoCloseable {
  /** Most connections at a time. */
  static final int CONNECTIONS_MAX = 64;

  /** Longest first line of a request. */
  static final int LINE_LENGTH_MAX = 1024;

  /** Most bytes in all headers of a request. */
  static final int HEADERS_LENGTH_MAX = 8192;

  private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(10);
  private static final Duration KEEP_ALIVE = Duration.ofSeconds(75);

  private final EventLoopGroup loop;
  private final Channel listener;

  /** Connections, the longest silent one first. Belongs to the loop's only thread. */
  private final Set<Channel> connections = new LinkedHashSet<>();

  private OperationsServer(
      Address address,
      Operations operations,
      Pages pages,
      Duration requestTimeout,
      Duration keepAlive)
      throws IOException {
    loop =
        new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory("operations-http", true), NioIoHandler.newFactory());
    ServerBootstrap bootstrap =
        new ServerBootstrap()
            .group(loop)
            .channel(NioServerSocketChannel.class)
            .option(ChannelOption.SO_BACKLOG, CONNECTIONS_MAX)
            .childHandler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    admit(channel);
                    channel
                        .pipeline()
                        .addLast(new HttpServerCodec(LINE_LENGTH_MAX, HEADERS_LENGTH_MAX, 8192))
                        .addLast(new FlowControlHandler())
                        .addLast(
                            new RequestHandler(
                                operations,
                                pages,
                                requestTimeout,
                                keepAlive,
                                () -> admit(channel)));
                  }
                });
    try {
      listener =
          bootstrap
              .bind(new InetSocketAddress(address.host(), address.port()))
              .syncUninterruptibly()
              .channel();
    } catch (Exception e) {
      // Netty throws the checked exceptions of bind without declaring them.
      loop.shutdownGracefully(0, 0, TimeUnit.SECONDS);
      throw new IOException("cannot listen on " + address + " for HTTP: " + e.getMessage(), e);
    }
  }

  /**
   * Starts a server.
   *
   * @param registry whose meters {@code /metrics} shows; those of the process are added to it.
   * @param notReadyReason null when the role serves, else why it does not, in one line; called on
   *     the server's thread.
   * @throws IOException when the address cannot be bound, saying which.
   */
  public static OperationsServer start(
      Address address, PrometheusMeterRegistry registry, Supplier<String> notReadyReason)
      throws IOException {
    return start(address, registry, notReadyReason, Pages.NONE);
  }

  /**
   * The same with more pages.
   *
   * @param pages asked first.
   */
  public static OperationsServer start(
      Address address,
      PrometheusMeterRegistry registry,
      Supplier<String> notReadyReason,
      Pages pages)
      throws IOException {
    OperationsServer server =
        new OperationsServer(
            address,
            new Operations(registry::scrape, notReadyReason),
            pages,
            REQUEST_TIMEOUT,
            KEEP_ALIVE);
    new JvmMemoryMetrics().bindTo(registry);
    new JvmThreadMetrics().bindTo(registry);
    new ProcessorMetrics().bindTo(registry);
    new FileDescriptorMetrics().bindTo(registry);
    new UptimeMetrics().bindTo(registry);
    return server;
  }

  static OperationsServer start(
      Address address, Operations operations, Duration requestTimeout, Duration keepAlive)
      throws IOException {
    return new OperationsServer(address, operations, Pages.NONE, requestTimeout, keepAlive);
  }

  /** Puts a connection last in the line of those that may be closed for a new one. */
  private void admit(Channel channel) {
    if (!connections.remove(channel)) {
      channel.closeFuture().addListener(closed -> connections.remove(channel));
    }
    connections.add(channel);
    if (connections.size() > CONNECTIONS_MAX) {
      Iterator<Channel> longestSilent = connections.iterator();
      Channel victim = longestSilent.next();
      longestSilent.remove();
      victim.close();
    }
  }

  /** Where the server listens, with the port that it really has. */
  public Address address() {
    InetSocketAddress bound = (InetSocketAddress) listener.localAddress();
    return new Address(bound.getAddress().getHostAddress(), bound.getPort());
  }

  @Override
  public void close() {
    listener.close().syncUninterruptibly();
    loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
  }
}
