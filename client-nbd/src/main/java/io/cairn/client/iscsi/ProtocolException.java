package io.cairn.client.iscsi;

/**
 * What came breaks the protocol so that the connection cannot go on: at error recovery level 0 it
 * ends (RFC 7143 section 7.1.4.1), and only this one.
 */
public final class ProtocolException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** The text says the value and the bound. */
  public ProtocolException(String message) {
    super(message);
  }
}
