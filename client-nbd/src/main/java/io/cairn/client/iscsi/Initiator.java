package io.cairn.client.iscsi;

/**
 * Who logs in.
 *
 * @param name InitiatorName, RFC 7143 section 13.5: what it calls itself.
 * @param account the name that it proved by CHAP; null when it proved none.
 */
public record Initiator(String name, String account) {
  @Override
  public String toString() {
    return account == null ? name : name + " as " + account;
  }
}
