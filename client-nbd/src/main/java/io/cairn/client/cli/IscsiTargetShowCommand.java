package io.cairn.client.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ReservationRecord;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.view.ClusterJson;
import java.io.PrintWriter;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/**
 * {@code cairn iscsi target show}: through which portals a volume is seen, who reserved it, and
 * whether it is being sanitized.
 */
@Command(
    name = "show",
    description =
        "Shows through which portals a volume is seen, who reserved it, and whether it is being"
            + " sanitized.")
final class IscsiTargetShowCommand implements Callable<Integer> {
  private static final Map<Integer, String> TYPES =
      Map.of(
          1, "write exclusive",
          3, "exclusive access",
          5, "write exclusive, registrants only",
          6, "exclusive access, registrants only",
          7, "write exclusive, all registrants",
          8, "exclusive access, all registrants");

  @Mixin private ClusterOptions options;

  @Parameters(paramLabel = "VOLUME", description = "Name of the volume.")
  private String name;

  @Override
  public Integer call() {
    try (ClusterCalls calls = options.connect()) {
      Reply.Target target = calls.target(name);
      Reply.Portals portals = calls.portals(name);
      ReservationRecord reservations = target.reservations();
      Table seen = new Table(">NUMBER", "GATEWAY", "ADDRESS", "ACCESS");
      ObjectNode json = ClusterJson.object().put("volume", name);
      ArrayNode paths = json.putArray("portals");
      for (Reply.PortalStatus one : portals.portals()) {
        String access = access(one, portals);
        seen.row(one.portal().number(), one.portal().gateway(), one.portal().address(), access);
        paths
            .addObject()
            .put("number", one.portal().number())
            .put("gateway", one.portal().gateway())
            .put("address", one.portal().address())
            .put("access", access);
      }
      Table registered = new Table("INITIATOR PORT", ">TARGET PORT", "KEY", "HOLDS");
      json.put("reservation", TYPES.get(reservations.type()));
      ArrayNode registrations = json.putArray("registrations");
      for (ReservationRecord.Registration one : reservations.registrations()) {
        ReservationRecord.Port port = one.port();
        boolean holds =
            reservations.type() >= 7
                || reservations.holder() != null
                    && reservations.holder().initiatorPort().equals(port.initiatorPort())
                    && (port.targetPort() == 0
                        || port.targetPort() == reservations.holder().targetPort());
        String key = String.format("0x%016x", one.key());
        registered.row(
            port.initiatorPort(),
            port.targetPort() == 0 ? "all" : port.targetPort(),
            key,
            holds ? "yes" : "no");
        registrations
            .addObject()
            .put("initiatorPort", port.initiatorPort())
            .put("targetPort", port.targetPort())
            .put("key", key)
            .put("holds", holds);
      }
      ReservationRecord.Sanitizing sanitizing = reservations.sanitizing();
      if (sanitizing == null) {
        json.putNull("sanitize");
      } else {
        json.putObject("sanitize")
            .put("passes", sanitizing.passes())
            .put("failed", sanitizing.failed());
      }
      options.print(json, out -> print(out, seen, registered, reservations));
      return 0;
    }
  }

  private static void print(
      PrintWriter out, Table seen, Table registered, ReservationRecord reservations) {
    seen.print(out);
    out.println();
    out.println(
        reservations.type() == 0 ? "not reserved" : "reserved: " + TYPES.get(reservations.type()));
    if (!reservations.registrations().isEmpty()) {
      registered.print(out);
    }
    if (reservations.sanitizing() != null) {
      out.println(sanitize(reservations.sanitizing()));
    }
  }

  private static String sanitize(ReservationRecord.Sanitizing sanitizing) {
    String what =
        sanitizing.passes() == 0
            ? "SANITIZE BLOCK ERASE"
            : "SANITIZE OVERWRITE, " + sanitizing.passes() + " passes,";
    return sanitizing.failed()
        ? what
            + " failed: an initiator must repeat it, or send EXIT FAILURE MODE if it allowed that"
        : what + " is under way: reads and writes are refused until it ends";
  }

  private static String access(Reply.PortalStatus one, Reply.Portals portals) {
    VolumeRecord.Owner owner = portals.volume().owner();
    boolean owns =
        owner != null && !owner.maintenance() && owner.gateway().equals(one.portal().gateway());
    return !one.up() ? "unavailable" : owns ? "active" : "standby";
  }
}
