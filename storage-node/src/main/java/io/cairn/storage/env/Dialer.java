package io.cairn.storage.env;

import org.agrona.DirectBuffer;

/** Opens links to other processes. All calls and callbacks happen on the caller's loop. */
public interface Dialer {
  /** Opens a link; exactly one of onOpen and onClosed follows, and after onOpen one onClosed. */
  void connect(String host, int port, Handler handler);

  /** Receives what happens on one link. */
  interface Handler {
    /** The link is open: HELLO may be sent. */
    void onOpen(Link link, long nowNanos);

    /** One whole frame with a good header checksum; borrowed. */
    void onFrame(DirectBuffer header, int offset, int headerLength, Payload payload, long nowNanos);

    /**
     * Whether another frame may come now. A link may stop reading while it may not; who said no
     * calls {@link Link#resume} once that has changed.
     */
    default boolean takesMore() {
      return true;
    }

    /** The link could not be opened, or is gone; also after the receiver closed it itself. */
    void onClosed(long nowNanos);
  }
}
