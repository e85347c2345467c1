package io.cairn.metadata.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.AccessRecord;
import io.cairn.metadata.model.AccessRecord.Initiator;
import io.cairn.metadata.model.Durability;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Lists of initiators grow, shrink to nobody, and go with their volume. */
class AccessTest {
  private static final String A = "iqn.2026-11.test:a";
  private static final String B = "iqn.2026-11.test:b";

  private final MetadataMachine machine = new MetadataMachine(new TreeKeyValues());
  private long number;

  @BeforeEach
  void createVolume() {
    apply(new Command.InitCluster(5));
    apply(new Command.CreateVolume("v", 1L << 30, 0, 0, 0, Durability.FLUSH));
  }

  private Reply apply(Command command) {
    return machine.apply(9, ++number, command, List.of());
  }

  private Reply admit(String name, String account) {
    return apply(new Command.AdmitInitiator("v", new Initiator(name, account)));
  }

  private AccessRecord known() {
    return ((Reply.Target) MetadataQueries.target(machine.state(), "v")).access();
  }

  private static Reply.ErrorCode code(Reply reply) {
    return ((Reply.Refused) reply).code();
  }

  @Test
  void listGrowsAndShrinksToNobodyAndIsForgotten() {
    assertFalse(known().listed());
    admit(A, null);
    admit(B, "bob");
    assertEquals(List.of(new Initiator(A, null), new Initiator(B, "bob")), known().initiators());
    admit(A, "alice");
    assertEquals(List.of(new Initiator(B, "bob"), new Initiator(A, "alice")), known().initiators());
    apply(new Command.ExcludeInitiator("v", A));
    apply(new Command.ExcludeInitiator("v", B));
    assertTrue(known().listed(), "an empty list admits nobody");
    assertFalse(known().admits(A, null));
    assertEquals(Reply.ErrorCode.INVALID, code(apply(new Command.ExcludeInitiator("v", B))));
    apply(new Command.ForgetAccess("v"));
    assertFalse(known().listed());
  }

  @Test
  void accountIsAskedForWhereOneIsNamed() {
    admit(A, null);
    admit(B, "bob");
    assertTrue(known().admits(A, null));
    assertTrue(known().admits(A, "anybody"));
    assertTrue(known().admits(B, "bob"));
    assertFalse(known().admits(B, null));
    assertFalse(known().admits(B, "alice"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "host", "*", "iqn.", "iqn.a b", "IQN.2026-11.test:a"})
  void whatIsNoIscsiNameIsRefused(String name) {
    assertEquals(
        "'" + name + "' is no iSCSI name: expected iqn.…, eui.… or naa.…",
        ((Reply.Refused) admit(name, null)).message());
    assertFalse(known().listed());
  }

  @Test
  void whatIsTooMuchIsRefused() {
    assertEquals(Reply.ErrorCode.INVALID, code(admit("iqn." + "a".repeat(220), null)));
    assertEquals(Reply.ErrorCode.INVALID, code(admit(A, "")));
    for (int i = 0; i < AccessRecord.INITIATORS_MAX; i++) {
      assertTrue(admit("iqn.2026-11.test:" + i, null) instanceof Reply.Access);
    }
    assertEquals(Reply.ErrorCode.INVALID, code(admit(A, null)));
    assertTrue(admit("iqn.2026-11.test:7", "x") instanceof Reply.Access, "it has its place");
  }

  @Test
  void goesWithItsVolume() {
    admit(A, null);
    long id = machine.state().volume("v").volumeId();
    apply(new Command.DeleteVolume("v", true));
    assertFalse(machine.state().access(id).listed());
    assertEquals(Reply.ErrorCode.NOT_FOUND, code(admit(A, null)));
  }
}
