package io.cairn.storage.node;

import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.replication.PeerLinks;
import org.agrona.DirectBuffer;

/** How one shard reaches other nodes; tells its host after each thing that happens on a link. */
final class NodePeers implements PeerLinks {
  private final Dialer dialer;
  private final NodeDirectory directory;
  private final Runnable happened;

  NodePeers(Dialer dialer, NodeDirectory directory, Runnable happened) {
    this.dialer = dialer;
    this.directory = directory;
    this.happened = happened;
  }

  @Override
  public int shardCount(long nodeId) {
    return directory.shardCount(nodeId);
  }

  @Override
  public void connect(String host, int port, Handler handler) {
    dialer.connect(
        host,
        port,
        new Handler() {
          @Override
          public void onOpen(Link link, long nowNanos) {
            handler.onOpen(link, nowNanos);
            happened.run();
          }

          @Override
          public void onFrame(
              DirectBuffer header, int offset, int headerLength, Payload payload, long nowNanos) {
            handler.onFrame(header, offset, headerLength, payload, nowNanos);
            happened.run();
          }

          @Override
          public void onClosed(long nowNanos) {
            handler.onClosed(nowNanos);
            happened.run();
          }
        });
  }
}
