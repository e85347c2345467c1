package io.cairn.storage.transport;

import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import org.agrona.DirectBuffer;

/** A server's end of a shared connection: each HELLO in a new stream is another link to a shard. */
final class AcceptedLinks extends SharedConnection {
  private final LinkServer.Shard shard;

  AcceptedLinks(LinkServer.Shard shard) {
    super(shard.loop());
    this.shard = shard;
  }

  @Override
  SharedLink unknown(int stream, DirectBuffer header, int offset, long nowNanos) {
    if (Frame.type(header, offset) != MessageType.HELLO) {
      return null;
    }
    SharedLink link = add(stream, shard.accept());
    guarded(link, () -> link.opened(nowNanos));
    return link;
  }
}
