package io.cairn.client.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.metrics.LatencyHistogram;
import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Reply;
import io.cairn.storage.wire.Status;
import java.util.ArrayList;
import java.util.List;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

class NodeLinkTest {
  private static final long SECOND = 1_000_000_000L;

  private final List<FakeLink> dialled = new ArrayList<>();
  private final List<String> heard = new ArrayList<>();
  private final NodeLink link =
      new NodeLink(
          7,
          3,
          0,
          "node",
          1,
          99,
          (host, port, handler) -> dialled.add(new FakeLink(handler)),
          new NodeLink.Listener() {
            @Override
            public void onUp(NodeLink up, long nowNanos) {
              heard.add("up");
            }

            @Override
            public void onDown(NodeLink down, long nowNanos) {
              heard.add("down");
            }

            @Override
            public void onRefused(NodeLink refusing, long nowNanos) {
              heard.add("refused");
            }

            @Override
            public boolean onIdle(NodeLink idle, long nowNanos) {
              return false;
            }

            @Override
            public void onDurable(NodeLink of, long durableLsn, long nowNanos) {
              heard.add("durable " + durableLsn);
            }
          },
          new LatencyHistogram());

  private final class FakeLink implements Link {
    private final Dialer.Handler handler;
    private final List<Integer> types = new ArrayList<>();
    private final List<Long> ids = new ArrayList<>();
    private boolean open = true;

    FakeLink(Dialer.Handler handler) {
      this.handler = handler;
    }

    @Override
    public long id() {
      return dialled.indexOf(this);
    }

    @Override
    public void send(DirectBuffer header, int offset, int length, Payload payload) {
      types.add(Frame.type(header, offset));
      ids.add(Frame.requestId(header, offset));
    }

    @Override
    public boolean isOpen() {
      return open;
    }

    @Override
    public void close() {
      open = false;
    }

    void welcome(long now) {
      UnsafeBuffer b = new UnsafeBuffer(new byte[256]);
      int length = new Reply().hello(b, 0, ids.getLast(), 100, 50, 3, 1, 1, 0);
      handler.onFrame(b, 0, length, null, now);
    }

    void answer(long durableLsn, long now) {
      UnsafeBuffer b = new UnsafeBuffer(new byte[256]);
      int length =
          new Reply().bare(b, 0, types.getLast(), ids.getLast(), Status.OK, 100, durableLsn, 0, 0);
      handler.onFrame(b, 0, length, null, now);
    }
  }

  private FakeLink up(long now) {
    link.onTimer(now);
    FakeLink last = dialled.getLast();
    last.handler.onOpen(last, now);
    last.welcome(now);
    return last;
  }

  @Test
  void anIdleLinkIsPingedAfterASecondAndGivenUpWhenNobodyAnswers() {
    FakeLink first = up(0);
    assertEquals(List.of("up"), heard);
    link.onTimer(link.nextDeadlineNanos());
    assertEquals(MessageType.PING, first.types.getLast());
    link.onTimer(link.nextDeadlineNanos());
    assertEquals(List.of("up", "down"), heard);
    assertFalse(first.open);
  }

  @Test
  void anAnsweredPingKeepsTheLink() {
    FakeLink first = up(0);
    link.onTimer(SECOND);
    first.answer(60, SECOND + 1);
    assertEquals(List.of("up", "durable 60"), heard);
    assertEquals(2 * SECOND + 1, link.nextDeadlineNanos());
  }

  @Test
  void whatStillComesFromAConnectionThatWasGivenUpChangesNothing() {
    FakeLink first = up(0);
    link.reset(SECOND);
    link.onTimer(2 * SECOND);
    first.handler.onClosed(2 * SECOND);
    FakeLink second = dialled.getLast();
    second.handler.onOpen(second, 2 * SECOND);
    second.welcome(2 * SECOND);
    first.answer(999, 2 * SECOND);
    first.handler.onClosed(2 * SECOND);
    assertTrue(link.isUp());
    assertEquals(50, link.durableLsn());
    assertEquals(List.of("up", "down", "up"), heard);
  }

  @Test
  void aRefusedDialIsRepeatedWithGrowingPauses() {
    link.onTimer(0);
    dialled.getLast().handler.onClosed(0);
    long first = link.nextDeadlineNanos();
    link.onTimer(first);
    dialled.getLast().handler.onClosed(first);
    assertEquals(2, dialled.size());
    assertTrue(link.nextDeadlineNanos() - first > first);
  }

  @Test
  void aNodeIsRefusedUntilItIsReachedOrDialledElsewhere() {
    FakeLink first = up(0);
    first.handler.onClosed(SECOND);
    assertFalse(link.isRefused(), "a broken connection may be the network's");
    long again = link.nextDeadlineNanos();
    link.onTimer(again);
    dialled.getLast().handler.onRefused(again);
    assertTrue(link.isRefused());
    assertEquals(List.of("up", "down", "refused"), heard);
    link.moved("node", 1);
    assertTrue(link.isRefused());
    link.moved("elsewhere", 1);
    assertFalse(link.isRefused());
    again = link.nextDeadlineNanos();
    link.onTimer(again);
    dialled.getLast().handler.onRefused(again);
    again = link.nextDeadlineNanos();
    link.onTimer(again);
    dialled.getLast().handler.onClosed(again);
    assertFalse(link.isRefused(), "nobody answers any more: it may be the network");
    up(link.nextDeadlineNanos());
    assertFalse(link.isRefused());
  }

  @Test
  void requestsUnderWayAreReportedLostInOrder() {
    up(0);
    for (int i = 0; i < 3; i++) {
      int number = i;
      int length =
          link.request.bare(link.out(), 0, MessageType.PING, link.nextRequestId(), 3, 1, 0, 0, 1);
      link.send(
          length,
          null,
          new NodeLink.Pending() {
            @Override
            public void onReply(
                Status status, DirectBuffer h, int o, Payload payload, long sent, long now) {
              heard.add("reply");
            }

            @Override
            public void onLost(long now) {
              heard.add("lost " + number);
            }
          },
          0);
    }
    link.reset(1);
    assertEquals(List.of("up", "down", "lost 0", "lost 1", "lost 2"), heard);
  }
}
