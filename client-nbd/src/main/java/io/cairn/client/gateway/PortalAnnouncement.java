package io.cairn.client.gateway;

import io.cairn.client.volume.MetadataCalls;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;

/**
 * Tells the metadata where this gateway serves iSCSI, once per process, and asks until it has said
 * which number the portal has. On the loop.
 */
final class PortalAnnouncement {
  private static final long AGAIN_MILLIS = 1_000;

  private final MetadataCalls metadata;
  private final EventLoop loop;
  private final Command.RegisterPortal portal;
  private final IntConsumer number;
  private Future<?> again;
  private boolean stopped;

  PortalAnnouncement(
      MetadataCalls metadata, EventLoop loop, Command.RegisterPortal portal, IntConsumer number) {
    this.metadata = metadata;
    this.loop = loop;
    this.portal = portal;
    this.number = number;
  }

  void announce() {
    metadata.submit(
        portal,
        (reply, now) -> {
          if (reply instanceof Reply.PortalRegistered registered) {
            number.accept(registered.number());
          } else if (!stopped) {
            again = loop.schedule(this::announce, AGAIN_MILLIS, TimeUnit.MILLISECONDS);
          }
        });
  }

  void stop() {
    stopped = true;
    if (again != null) {
      again.cancel(false);
    }
  }
}
