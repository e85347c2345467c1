package io.cairn.client.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cairn.metadata.command.Command.AdmitInitiator;
import io.cairn.metadata.command.Command.ExcludeInitiator;
import io.cairn.metadata.command.Command.ForgetAccess;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.AccessRecord;
import io.cairn.metadata.view.ClusterJson;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cairn iscsi acl …}: which initiators see and open which volume, through all gateways. */
@Command(
    name = "acl",
    description = {
      "Which initiators see and open which volume, through all gateways.",
      "A volume without an ACL is offered as the gateways' options iscsi.acl and iscsi.chap say."
    },
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      IscsiAclCommand.Ls.class,
      IscsiAclCommand.Add.class,
      IscsiAclCommand.Rm.class,
      IscsiAclCommand.Clear.class
    })
final class IscsiAclCommand {
  private IscsiAclCommand() {}

  /** {@code cairn iscsi acl ls}. */
  @Command(name = "ls", description = "Lists who may open which volume.")
  static final class Ls implements Callable<Integer> {
    @Mixin private ClusterOptions options;

    @Parameters(arity = "0..1", paramLabel = "VOLUME", description = "Of this volume only.")
    private String volume;

    @Override
    public Integer call() {
      try (ClusterCalls calls = options.connect()) {
        List<Reply.Target> targets =
            volume == null ? calls.targets() : List.of(calls.target(volume));
        Table table = new Table("VOLUME", "INITIATOR", "CHAP NAME");
        ArrayNode json = ClusterJson.array();
        for (Reply.Target target : targets) {
          String name = target.volume().name();
          if (!target.access().listed()) {
            continue;
          }
          ArrayNode initiators = json.addObject().put("volume", name).putArray("initiators");
          if (target.access().initiators().isEmpty()) {
            table.row(name, "nobody", null);
          }
          for (AccessRecord.Initiator one : target.access().initiators()) {
            table.row(name, one.name(), one.account());
            initiators.addObject().put("name", one.name()).put("chapName", one.account());
          }
        }
        options.print(json, table::print);
        return 0;
      }
    }
  }

  /** {@code cairn iscsi acl add}. */
  @Command(
      name = "add",
      description = {
        "Lets an initiator see and open a volume.",
        "The first one gives the volume an ACL: from then on nobody else logs in to it; sessions go"
            + " on until they end or 'cairn iscsi session end' ends them."
      })
  static final class Add implements Callable<Integer> {
    @Mixin private ClusterOptions options;

    @Parameters(index = "0", paramLabel = "VOLUME", description = "Name of the volume.")
    private String volume;

    @Parameters(index = "1", paramLabel = "INITIATOR", description = "iqn.…, eui.… or naa.…")
    private String initiator;

    @Option(
        names = "--chap-name",
        paramLabel = "NAME",
        description = "The name that it must prove by CHAP. Default: any that the gateway knows.")
    private String account;

    @Override
    public Integer call() {
      try (ClusterCalls calls = options.connect()) {
        AccessRecord.Initiator admitted = new AccessRecord.Initiator(initiator, account);
        calls.changeAccess(new AdmitInitiator(volume, admitted));
        options.print(
            ClusterJson.object().put("volume", volume).put("initiator", initiator),
            out -> out.println(initiator + " may open " + volume));
        return 0;
      }
    }
  }

  /** {@code cairn iscsi acl rm}. */
  @Command(
      name = "rm",
      description = {
        "Takes an initiator off a volume's ACL, and ends its sessions.",
        "When it was the last one nobody may open the volume: see 'clear'."
      })
  static final class Rm implements Callable<Integer> {
    @Mixin private ClusterOptions options;

    @Parameters(index = "0", paramLabel = "VOLUME", description = "Name of the volume.")
    private String volume;

    @Parameters(index = "1", paramLabel = "INITIATOR", description = "Its iSCSI name.")
    private String initiator;

    @Override
    public Integer call() {
      try (ClusterCalls calls = options.connect()) {
        calls.changeAccess(new ExcludeInitiator(volume, initiator));
        int ended = 0;
        for (Reply.GatewaySessions gateway : calls.sessions()) {
          for (Query.TargetSession session : gateway.sessions()) {
            boolean its = session.volume().equals(volume) && session.initiator().equals(initiator);
            if (its && calls.endSessionIfThere(gateway.gateway(), session.number())) {
              ended++;
            }
          }
        }
        ObjectNode json = ClusterJson.object();
        json.put("volume", volume).put("initiator", initiator).put("sessionsEnded", ended);
        String sessions = ended == 0 ? "" : "; sessions that are being ended: " + ended;
        options.print(json, out -> out.println(initiator + " may not open " + volume + sessions));
        return 0;
      }
    }
  }

  /** {@code cairn iscsi acl clear}. */
  @Command(
      name = "clear",
      description = "Removes a volume's ACL: the gateways' options say who may open it.")
  static final class Clear implements Callable<Integer> {
    @Mixin private ClusterOptions options;

    @Parameters(paramLabel = "VOLUME", description = "Name of the volume.")
    private String volume;

    @Override
    public Integer call() {
      try (ClusterCalls calls = options.connect()) {
        calls.changeAccess(new ForgetAccess(volume));
        options.print(
            ClusterJson.object().put("volume", volume).put("acl", false),
            out -> out.println(volume + " has no ACL"));
        return 0;
      }
    }
  }
}
