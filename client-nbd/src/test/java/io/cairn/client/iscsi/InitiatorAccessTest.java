package io.cairn.client.iscsi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class InitiatorAccessTest {
  private static final String HOST_A = "iqn.1993-08.org.debian:01:a";
  private static final String HOST_B = "iqn.1993-08.org.debian:01:b";

  @Test
  void onlyWhoIsNamedSeesVolumeAndUnnamedVolumesAreSeenByNobody() {
    InitiatorAccess access =
        InitiatorAccess.parse("# ours\n\ndata " + HOST_A + "\nshared *\ndata eui.0123456789abcdef");
    assertTrue(access.allows("data", HOST_A));
    assertTrue(access.allows("data", "eui.0123456789abcdef"));
    assertFalse(access.allows("data", HOST_B));
    assertTrue(access.allows("shared", HOST_B));
    assertFalse(access.allows("other", HOST_A));
    assertTrue(InitiatorAccess.unrestricted().allows("other", HOST_A));
  }

  @Test
  void wrongLinesAreRefusedByNumber() {
    assertEquals(
        "line 2 names no initiator: expected VOLUME INITIATOR…", refusal("shared *\ndata"));
    assertEquals(
        "line 1: 'host-a' is no iSCSI name: expected iqn.…, eui.… or naa.… of at most 223"
            + " characters, or *",
        refusal("data host-a"));
  }

  private static String refusal(String text) {
    return assertThrows(IllegalArgumentException.class, () -> InitiatorAccess.parse(text))
        .getMessage();
  }
}
