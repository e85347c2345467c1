package io.cairn.metadata.ratis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What gateways tell of their sessions, and what they are told to do with them. */
class TargetSessionsTest {
  private static final Query.TargetSession SEVEN =
      new Query.TargetSession(7, "v", "iqn.a", "h:5", "g:3260", true, 1, 2, 3, 4, 5);

  private final TargetSessions sessions = new TargetSessions();

  private List<Integer> report(long nanos) {
    Reply reply = sessions.report(new Query.ReportSessions("g", List.of(SEVEN)), nanos);
    return ((Reply.SessionsToEnd) reply).numbers();
  }

  @Test
  void sessionIsEndedOnceItsGatewayTellsOfItAgain() {
    assertEquals(List.of(), report(0));
    assertEquals(new Reply.Ok(), sessions.end(new Query.EndSession("g", 7), 1));
    assertEquals(List.of(7), report(2));
    assertEquals(List.of(), report(3));
    assertInstanceOf(Reply.Refused.class, sessions.end(new Query.EndSession("g", 8), 3));
    assertInstanceOf(Reply.Refused.class, sessions.end(new Query.EndSession("h", 7), 3));
  }

  @Test
  void sessionsOfSilentGatewayAreForgotten() {
    report(0);
    assertEquals(
        new Reply.Sessions(List.of(new Reply.GatewaySessions("g", List.of(SEVEN)))),
        sessions.all(SoftState.UP_NANOS));
    assertEquals(new Reply.Sessions(List.of()), sessions.all(SoftState.UP_NANOS + 1));
    assertInstanceOf(
        Reply.Refused.class, sessions.end(new Query.EndSession("g", 7), SoftState.UP_NANOS + 1));
  }
}
