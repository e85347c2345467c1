package io.cairn.client.attach;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Messages of generic netlink. Numbers are in the machine's own order; lengths count the header.
 *
 * <pre>
 * message:    0 int length   4 short type   6 short flags   8 int sequence   12 int port
 *            16 byte command  17 byte version  18 short 0   20 attributes
 * attribute:  0 short length   2 short type   4 value, padded to a multiple of 4
 * error:     16 int 0 or the negated error number   20 the message it answers
 * </pre>
 */
final class Netlink {
  static final int HEADER_BYTES = 20;
  static final int TYPE_ERROR = 2;
  static final int FLAG_REQUEST = 1;
  static final int FLAG_ACK = 4;
  private static final int NESTED = 0x8000;
  private static final int TYPE_MASK = 0x3fff;

  private Netlink() {}

  private static ByteBuffer buffer(int length) {
    return ByteBuffer.allocate(length).order(ByteOrder.nativeOrder());
  }

  /** Attributes, in the order in which they were added. */
  static final class Attributes {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    Attributes add(int type, byte[] value) {
      ByteBuffer one = buffer((4 + value.length + 3) & ~3);
      one.putShort((short) (4 + value.length)).putShort((short) type).put(value);
      bytes.writeBytes(one.array());
      return this;
    }

    Attributes addInt(int type, int value) {
      return add(type, buffer(4).putInt(value).array());
    }

    Attributes addLong(int type, long value) {
      return add(type, buffer(8).putLong(value).array());
    }

    /** Text with the zero at its end that the kernel wants. */
    Attributes addText(int type, String value) {
      return add(type, (value + '\0').getBytes(StandardCharsets.UTF_8));
    }

    Attributes addNested(int type, Attributes inner) {
      return add(type | NESTED, inner.toBytes());
    }

    byte[] toBytes() {
      return bytes.toByteArray();
    }
  }

  /** A request that wants an answer. */
  static byte[] request(int family, int command, int sequence, Attributes attributes) {
    byte[] values = attributes.toBytes();
    return buffer(HEADER_BYTES + values.length)
        .putInt(HEADER_BYTES + values.length)
        .putShort((short) family)
        .putShort((short) (FLAG_REQUEST | FLAG_ACK))
        .putInt(sequence)
        .putInt(0)
        .put((byte) command)
        .put((byte) 1)
        .putShort((short) 0)
        .put(values)
        .array();
  }

  /**
   * One message that came.
   *
   * @param body what follows the first sixteen bytes.
   */
  record Message(int type, int sequence, ByteBuffer body) {
    boolean isError() {
      return type == TYPE_ERROR;
    }

    /** 0 for an acknowledgement. */
    int errno() {
      return -body.getInt(0);
    }

    int command() {
      return body.get(0);
    }

    Map<Integer, ByteBuffer> attributes() {
      return Netlink.attributes(body.slice(4, body.limit() - 4).order(ByteOrder.nativeOrder()));
    }
  }

  /** Reads the first message of those that came together, and moves on behind it. */
  static Message next(ByteBuffer received) {
    received.order(ByteOrder.nativeOrder());
    int start = received.position();
    int length = received.getInt(start);
    if (length < 16 || length > received.limit() - start) {
      throw new IllegalStateException("a netlink message of " + length + " bytes");
    }
    ByteBuffer body = received.slice(start + 16, length - 16).order(ByteOrder.nativeOrder());
    received.position(Math.min(received.limit(), start + ((length + 3) & ~3)));
    return new Message(
        Short.toUnsignedInt(received.getShort(start + 4)), received.getInt(start + 8), body);
  }

  /** Attributes by their types; of several of one type, the last. */
  static Map<Integer, ByteBuffer> attributes(ByteBuffer bytes) {
    Map<Integer, ByteBuffer> found = new LinkedHashMap<>();
    int at = 0;
    while (at + 4 <= bytes.limit()) {
      int length = Short.toUnsignedInt(bytes.getShort(at));
      int type = bytes.getShort(at + 2) & TYPE_MASK;
      if (length < 4 || at + length > bytes.limit()) {
        throw new IllegalStateException("a netlink attribute of " + length + " bytes");
      }
      found.put(type, bytes.slice(at + 4, length - 4).order(ByteOrder.nativeOrder()));
      at += (length + 3) & ~3;
    }
    return found;
  }
}
