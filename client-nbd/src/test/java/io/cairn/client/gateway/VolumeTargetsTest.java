package io.cairn.client.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.cairn.client.iscsi.InitiatorAccess;
import io.cairn.client.iscsi.Iscsi;
import io.cairn.client.iscsi.Targets;
import io.cairn.client.nbd.Exports;
import io.cairn.client.scsi.LogicalUnit;
import io.cairn.client.volume.MetadataCalls;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.PortalRecord;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Volumes as targets: which names are offered, and to whom. */
class VolumeTargetsTest {
  private static final String HOST_A = "iqn.1993-08.org.debian:01:a";
  private static final String HOST_B = "iqn.1993-08.org.debian:01:b";

  /** Three volumes, of which none can be opened. */
  private static final class ThreeVolumes implements Exports {
    @Override
    public void list(Listing answer) {
      answer.names(List.of("data", "shared", "Not_A_Name"));
    }

    @Override
    public void describe(String name, Description answer) {
      throw new AssertionError("nobody asks");
    }

    @Override
    public void open(String name, Opening answer) {
      throw new AssertionError("opened " + name);
    }

    @Override
    public void close(Opening opening) {}
  }

  /** Of three portals one is another's that lives. */
  private static final class OnePortal implements MetadataCalls {
    @Override
    public void submit(Command command, Answer answer) {
      throw new AssertionError("nobody asks for " + command);
    }

    @Override
    public void query(Query query, Answer answer) {
      List<Reply.PortalStatus> portals = new ArrayList<>();
      for (int number = 1; number <= 3; number++) {
        PortalRecord portal = new PortalRecord(number, "g" + number, "h:" + number);
        portals.add(new Reply.PortalStatus(portal, number < 3));
      }
      answer.on(new Reply.Portals(null, false, portals), 0);
    }
  }

  private final VolumeTargets targets =
      new VolumeTargets(
          new TargetUnit.Host(new OnePortal(), new ThreeVolumes(), null, 512, "g", 1),
          "iqn.x",
          InitiatorAccess.parse("data " + HOST_A + "\nshared *\nNot_A_Name *"));

  {
    targets.numbered(1);
  }

  private List<String> listed(String initiator) {
    List<String> names = new ArrayList<>();
    targets.list(
        initiator,
        (all, others) -> {
          names.addAll(all);
          assertEquals(List.of(new Targets.OtherPortal("h:2", 2)), others);
        });
    return names;
  }

  private String refusal(String target, String initiator) {
    String[] heard = new String[1];
    targets.open(
        target,
        initiator,
        new Targets.Opening() {
          @Override
          public void opened(LogicalUnit unit) {
            heard[0] = "opened";
          }

          @Override
          public void refused(int loginStatus, String reason) {
            heard[0] = String.format("%04x %s", loginStatus, reason);
          }

          @Override
          public void over() {
            heard[0] = "over";
          }
        });
    return heard[0];
  }

  @Test
  void discoveryNamesWhatTheInitiatorMayOpenAndAnIscsiNameCanHold() {
    assertEquals(List.of("iqn.x:data", "iqn.x:shared"), listed(HOST_A));
    assertEquals(List.of("iqn.x:shared"), listed(HOST_B));
  }

  @Test
  void whoIsNotNamedIsRefusedBeforeTheVolumeIsTouched() {
    assertEquals(Iscsi.LOGIN_AUTHORIZATION_FAILURE, 0x0202);
    assertEquals(
        "0202 iqn.x:data: the ACL does not name the initiator " + HOST_B,
        refusal("iqn.x:data", HOST_B));
    assertEquals("0203 targets here are called iqn.x:VOLUME", refusal("iqn.y:data", HOST_A));
  }
}
