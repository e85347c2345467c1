package io.cairn.client.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.cairn.client.iscsi.Initiator;
import io.cairn.client.iscsi.InitiatorAccess;
import io.cairn.client.iscsi.Iscsi;
import io.cairn.client.iscsi.Targets;
import io.cairn.client.scsi.LogicalUnit;
import io.cairn.client.volume.MetadataCalls;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Submission;
import io.cairn.metadata.machine.MetadataMachine;
import io.cairn.metadata.machine.MetadataQueries;
import io.cairn.metadata.machine.TreeKeyValues;
import io.cairn.metadata.model.AccessRecord;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.PortalRecord;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Volumes as targets: which names are offered, and to whom. */
class VolumeTargetsTest {
  private static final String HOST_A = "iqn.1993-08.org.debian:01:a";
  private static final String HOST_B = "iqn.1993-08.org.debian:01:b";

  private final MetadataMachine machine = new MetadataMachine(new TreeKeyValues());
  private long number;

  {
    apply(new Command.InitCluster(5));
    for (String volume : List.of("data", "shared", "Not_A_Name", "own")) {
      apply(new Command.CreateVolume(volume, 8 << 20, 0, 0, 0, Durability.FLUSH));
    }
  }

  private Reply apply(Command command) {
    return machine.apply(9, ++number, command, List.of());
  }

  /** Of three portals one is another's that lives. */
  private final class Metadata implements MetadataCalls {
    @Override
    public void submit(Submission submission, Answer answer) {
      throw new AssertionError("nobody asks for " + submission.command());
    }

    @Override
    public void query(Query query, Answer answer) {
      if (query instanceof Query.GetTargets) {
        answer.on(MetadataQueries.targets(machine.state()), 0);
        return;
      }
      if (query instanceof Query.GetTarget asked) {
        answer.on(MetadataQueries.target(machine.state(), asked.name()), 0);
        return;
      }
      List<Reply.PortalStatus> portals = new ArrayList<>();
      for (int portalNumber = 1; portalNumber <= 3; portalNumber++) {
        PortalRecord portal =
            new PortalRecord(portalNumber, "g" + portalNumber, "h:" + portalNumber);
        portals.add(new Reply.PortalStatus(portal, portalNumber < 3));
      }
      answer.on(new Reply.Portals(null, false, portals), 0);
    }
  }

  private final VolumeTargets targets =
      new VolumeTargets(
          new TargetUnit.Host(new Metadata(), null, null, 512, "g", 1),
          "iqn.x",
          InitiatorAccess.parse("data " + HOST_A + "\nshared *\nNot_A_Name *"));

  {
    targets.numbered(1);
  }

  private List<String> listed(String initiator) {
    return listed(new Initiator(initiator, null));
  }

  private List<String> listed(Initiator initiator) {
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
    return refusal(target, new Initiator(initiator, null));
  }

  private String refusal(String target, Initiator initiator) {
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

  /** The list in the metadata stands above the file, which admits nobody to this volume. */
  @Test
  void volumesOwnListDecidesAndMayAskForAnAccount() {
    String target = "iqn.x:own";
    assertEquals(
        "0202 iqn.x:own: the ACL does not name the initiator " + HOST_A, refusal(target, HOST_A));
    apply(new Command.AdmitInitiator("own", new AccessRecord.Initiator(HOST_A, "alice")));
    assertEquals(List.of("iqn.x:data", "iqn.x:shared"), listed(HOST_A));
    assertEquals(
        "0202 iqn.x:own: the ACL does not name the initiator " + HOST_A + " as bob",
        refusal(target, new Initiator(HOST_A, "bob")));
    Initiator alice = new Initiator(HOST_A, "alice");
    assertEquals(List.of("iqn.x:data", "iqn.x:own", "iqn.x:shared"), listed(alice));
    assertEquals(List.of("iqn.x:shared"), listed(HOST_B));
    apply(new Command.ExcludeInitiator("own", HOST_A));
    assertEquals(List.of("iqn.x:data", "iqn.x:shared"), listed(alice));
    apply(new Command.AdmitInitiator("data", new AccessRecord.Initiator(HOST_B, null)));
    assertEquals(List.of("iqn.x:shared"), listed(HOST_A));
    apply(new Command.ForgetAccess("data"));
    assertEquals(List.of("iqn.x:data", "iqn.x:shared"), listed(HOST_A));
  }
}
