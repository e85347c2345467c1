package io.cairn.storage.env;

import org.agrona.DirectBuffer;

/** Opens links to other processes. All calls and callbacks happen on the caller's loop. */
public interface Dialer {
  /**
   * Opens a link; exactly one of onOpen, onRefused and onClosed follows, and after onOpen one
   * onClosed.
   */
  void connect(String host, int port, Handler handler);

  /**
   * The same for a link that will say in its HELLO that it is for this shard: such links may share
   * what carries them.
   */
  default void connect(String host, int port, int shard, Handler handler) {
    connect(host, port, handler);
  }

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

    /**
     * The link could not be opened, as nobody listens there: the address was reached, and the
     * process that served at it has ended or does not serve yet (RFC 9293, section 3.5.2: a SYN to
     * a closed port is answered by RST).
     */
    default void onRefused(long nowNanos) {
      onClosed(nowNanos);
    }

    /**
     * The link could not be opened for another reason, or is gone; also after the receiver closed
     * it itself.
     */
    void onClosed(long nowNanos);
  }
}
