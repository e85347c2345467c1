package io.cairn.client.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.model.ReservationRecord;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What an operator sees of iSCSI. */
class IscsiVerbsTest {
  private final MachineMetadata metadata = new MachineMetadata().withNodes(3);

  @BeforeEach
  void twoGateways() {
    run("volume", "create", "v", "--size", "1GiB").succeeds();
    metadata.apply(new Command.RegisterPortal("gateway-1", "10.0.1.1:3260"));
    metadata.apply(new Command.RegisterPortal("gateway-2", "10.0.1.2:3260"));
    metadata.apply(new Command.AcquireVolume("v", "gateway-1", 1, "10.0.1.1:10809", -1));
  }

  @Test
  void aSanitizeThatRunsOrFailedIsNamed() {
    ReservationRecord.Sanitizing erase =
        new ReservationRecord.Sanitizing(0, "", false, true, false);
    store(1, erase);
    String running = run("iscsi", "target", "show", "v").succeeds().out();
    assertTrue(running.contains("\nSANITIZE BLOCK ERASE is under way: reads and"), running);
    store(2, erase.afterFailure());
    String failed = run("iscsi", "target", "show", "v").succeeds().out();
    assertTrue(failed.contains("\nSANITIZE BLOCK ERASE failed: an initiator must"), failed);
    JsonNode json = run("iscsi", "target", "show", "v", "-o", "json").json();
    assertTrue(json.at("/sanitize/failed").asBoolean());
  }

  private void store(long version, ReservationRecord.Sanitizing sanitizing) {
    metadata.apply(
        new Command.StoreReservations(
            -1, new ReservationRecord(1, version, 0, 0, null, false, List.of(), sanitizing)));
  }

  private CommandRun run(String... arguments) {
    return CommandRun.of(metadata, arguments);
  }

  @Test
  void portalsAreListedWithTheirState() {
    assertEquals(
        """
        NUMBER  GATEWAY    ADDRESS        STATE
             1  gateway-1  10.0.1.1:3260  up
             2  gateway-2  10.0.1.2:3260  down
        """,
        run("iscsi", "portal", "ls").succeeds().out());
  }

  @Test
  void targetShowsItsPathsAndWhoReservedIt() {
    String paths =
        """
        NUMBER  GATEWAY    ADDRESS        ACCESS
             1  gateway-1  10.0.1.1:3260  active
             2  gateway-2  10.0.1.2:3260  unavailable

        """;
    assertEquals(paths + "not reserved\n", run("iscsi", "target", "show", "v").succeeds().out());
    ReservationRecord.Port holder = new ReservationRecord.Port("iqn.a,i,0x1", 1);
    ReservationRecord.Port other = new ReservationRecord.Port("iqn.b,i,0x1", 0);
    metadata.apply(
        new Command.StoreReservations(
            -1,
            new ReservationRecord(
                1,
                1,
                2,
                5,
                holder,
                true,
                List.of(
                    new ReservationRecord.Registration(holder, 7),
                    new ReservationRecord.Registration(other, -1)))));
    assertEquals(
        paths
            + """
            reserved: write exclusive, registrants only
            INITIATOR PORT  TARGET PORT  KEY                 HOLDS
            iqn.a,i,0x1               1  0x0000000000000007  yes
            iqn.b,i,0x1             all  0xffffffffffffffff  no
            """,
        run("iscsi", "target", "show", "v").succeeds().out());
    JsonNode json = run("iscsi", "target", "show", "v", "-o", "json").json();
    assertEquals("write exclusive, registrants only", json.get("reservation").asText());
    assertEquals("iqn.b,i,0x1", json.get("registrations").get(1).get("initiatorPort").asText());
    assertTrue(json.get("sanitize").isNull());
    run("iscsi", "target", "show", "w")
        .fails(1, "cairn: there is no volume w; 'cairn volume ls' lists them");
  }

  @Test
  void sessionsAreListedAndEnded() {
    metadata.sessions =
        List.of(
            new Query.TargetSession(
                7,
                "v",
                "iqn.a\u001b",
                "10.0.9.9:5",
                "10.0.1.1:3260",
                true,
                61_500,
                3,
                4096,
                2,
                512));
    assertEquals(
        """
        SESSION      VOLUME  INITIATOR  FROM        PORTAL         ACCESS  SINCE                 READS  READ  WRITES  WRITTEN
        gateway-1/7  v       iqn.a?     10.0.9.9:5  10.0.1.1:3260  active  1970-01-01T00:01:01Z      3  4KiB       2     512B
        """,
        run("iscsi", "session", "ls").succeeds().out());
    assertEquals(
        512,
        run("iscsi", "session", "ls", "-o", "json").json().get(0).get("writtenBytes").asLong());
    assertEquals(
        "session gateway-1/7 is being ended\n",
        run("iscsi", "session", "end", "gateway-1/7").succeeds().out());
    assertEquals(List.of(new Query.EndSession("gateway-1", 7)), metadata.ended);
    run("iscsi", "session", "end", "gateway-1/8")
        .fails(1, "cairn: there is no session gateway-1/8; 'cairn iscsi session ls' lists them");
    run("iscsi", "session", "end", "seven")
        .fails(
            2,
            "cairn: 'seven' is not GATEWAY/NUMBER, as in gateway-1/7; 'cairn iscsi session end"
                + " --help' says how it is used");
  }

  @Test
  void targetsAndUnitsAreListed() {
    assertEquals(
        """
        VOLUME  SIZE  ACTIVE     RESERVED  INITIATORS  SESSIONS
        v       1GiB  gateway-1  no                 -         0
        """,
        run("iscsi", "target", "ls").succeeds().out());
    JsonNode unit = run("iscsi", "lun", "ls", "-o", "json").json().get(0);
    assertEquals("v", unit.get("volume").asText());
    assertTrue(unit.get("wwn").asText().matches("0x3[0-9a-f]{15}"), unit::toString);
    assertTrue(unit.get("serial").asText().endsWith("0000000000000001"), unit::toString);
    String line = run("iscsi", "lun", "ls").succeeds().out().lines().toList().get(1);
    assertTrue(line.contains(unit.get("wwn").asText()), line);
  }

  @Test
  void initiatorsAreAdmittedAndExcluded() {
    String host = "iqn.2026-11.test:host";
    assertEquals("VOLUME  INITIATOR  CHAP NAME\n", run("iscsi", "acl", "ls").succeeds().out());
    assertEquals(host + " may open v\n", run("iscsi", "acl", "add", "v", host).succeeds().out());
    run("iscsi", "acl", "add", "v", "iqn.2026-11.test:b", "--chap-name", "bob").succeeds();
    assertEquals(
        """
        VOLUME  INITIATOR              CHAP NAME
        v       iqn.2026-11.test:host  -
        v       iqn.2026-11.test:b     bob
        """,
        run("iscsi", "acl", "ls", "v").succeeds().out());
    metadata.sessions =
        List.of(session(7, "v", host), session(8, "v", host), session(9, "w", host));
    assertEquals(
        host + " may not open v; sessions that are being ended: 1\n",
        run("iscsi", "acl", "rm", "v", host).succeeds().out());
    assertEquals(
        List.of(new Query.EndSession("gateway-1", 7), new Query.EndSession("gateway-1", 8)),
        metadata.ended);
    run("iscsi", "acl", "rm", "v", host)
        .fails(1, "cairn: the ACL of volume v does not name " + host);
    run("iscsi", "acl", "rm", "v", "iqn.2026-11.test:b").succeeds();
    assertEquals(
        "VOLUME  INITIATOR  CHAP NAME\nv       nobody     -\n",
        run("iscsi", "acl", "ls").succeeds().out());
    assertEquals("v has no ACL\n", run("iscsi", "acl", "clear", "v").succeeds().out());
    assertEquals(0, run("iscsi", "acl", "ls", "-o", "json").json().size());
    run("iscsi", "acl", "add", "v", "host")
        .fails(1, "cairn: 'host' is no iSCSI name: expected iqn.…, eui.… or naa.…");
  }

  private static Query.TargetSession session(int number, String volume, String initiator) {
    return new Query.TargetSession(
        number, volume, initiator, "10.0.9.9:5", "10.0.1.1:3260", true, 0, 0, 0, 0, 0);
  }
}
