package io.cairn.storage.node;

import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.transport.LinkServer;
import io.netty.channel.EventLoop;
import org.agrona.DirectBuffer;

/**
 * Stands for a shard whose device could not be used at the start: who connects to it is turned
 * away, as from a node that cannot be reached.
 */
record UnservedShard(EventLoop loop) implements LinkServer.Shard {
  @Override
  public Dialer.Handler accept() {
    return new Dialer.Handler() {
      @Override
      public void onOpen(Link link, long nowNanos) {
        link.close();
      }

      @Override
      public void onFrame(
          DirectBuffer header, int offset, int headerLength, Payload payload, long nowNanos) {}

      @Override
      public void onClosed(long nowNanos) {}
    };
  }
}
