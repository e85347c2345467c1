package io.cairn.client.attach;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.attach.Netlink.Attributes;
import io.cairn.client.attach.Netlink.Message;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class NetlinkTest {
  @Test
  void aRequestHasTheKernelsBytes() {
    Assumptions.assumeTrue(ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN);
    byte[] request =
        Netlink.request(
            0x1a,
            3,
            7,
            new Attributes()
                .addInt(1, 5)
                .addText(10, "ab")
                .addNested(7, new Attributes().addNested(1, new Attributes().addInt(1, 9))));
    assertArrayEquals(
        HexFormat.of()
            .parseHex(
                "34000000"
                    + "1a000500"
                    + "07000000"
                    + "00000000"
                    + "03010000"
                    + "0800010005000000"
                    + "07000a0061620000"
                    + "10000780"
                    + "0c000180"
                    + "0800010009000000"),
        request);
  }

  @Test
  void whatIsEncodedIsReadAgain() {
    byte[] request =
        Netlink.request(0x1a, 4, 7, new Attributes().addInt(1, 5).addLong(2, 1L << 40));
    Message message = Netlink.next(ByteBuffer.wrap(request));
    assertEquals(0x1a, message.type());
    assertEquals(4, message.command());
    Map<Integer, ByteBuffer> attributes = message.attributes();
    assertEquals(5, attributes.get(1).getInt(0));
    assertEquals(1L << 40, attributes.get(2).getLong(0));
  }

  @Test
  void severalMessagesOfOneDatagramAreReadOneAfterTheOther() {
    byte[] one = Netlink.request(0x1a, 4, 1, new Attributes().addText(1, "a"));
    ByteBuffer both = ByteBuffer.allocate(2 * one.length).put(one).put(one).flip();
    assertEquals(1, Netlink.next(both).sequence());
    assertTrue(both.hasRemaining());
    assertEquals(
        "a\0", StandardCharsets.UTF_8.decode(Netlink.next(both).attributes().get(1)).toString());
    assertEquals(0, both.remaining());
  }

  @Test
  void lengthsThatCannotBeEndTheReading() {
    byte[] message = Netlink.request(0x1a, 4, 1, new Attributes().addInt(1, 5));
    for (int length : new int[] {0, 15, message.length + 1, Integer.MAX_VALUE, -1}) {
      ByteBuffer broken = ByteBuffer.wrap(message.clone()).order(ByteOrder.nativeOrder());
      broken.putInt(0, length);
      assertThrows(IllegalStateException.class, () -> Netlink.next(broken));
    }
    ByteBuffer attribute = ByteBuffer.allocate(8).order(ByteOrder.nativeOrder());
    attribute.putShort(0, (short) 9);
    assertThrows(IllegalStateException.class, () -> Netlink.attributes(attribute));
  }
}
