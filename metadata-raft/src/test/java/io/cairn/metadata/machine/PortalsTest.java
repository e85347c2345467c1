package io.cairn.metadata.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.PortalRecord;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Initiators know a gateway by its portal's number: it stays. */
class PortalsTest {
  private final MetadataMachine machine = new MetadataMachine(new TreeKeyValues());
  private long number;

  private int register(String gateway, String address) {
    Reply reply =
        machine.apply(9, ++number, new Command.RegisterPortal(gateway, address), List.of());
    return ((Reply.PortalRegistered) reply).number();
  }

  @Test
  void gatewayKeepsItsNumberWhereverItMoves() {
    assertEquals(1, register("a", "h:1"));
    assertEquals(2, register("b", "h:2"));
    assertEquals(1, register("a", "i:3"));
    assertEquals(2, register("b", "h:2"));
    assertEquals(
        List.of(new PortalRecord(1, "a", "i:3"), new PortalRecord(2, "b", "h:2")),
        machine.state().portals());
  }
}
