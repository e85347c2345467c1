package io.cairn.client.cli;

import picocli.CommandLine.Command;

/** {@code cairn iscsi …}. */
@Command(
    name = "iscsi",
    description = "iSCSI targets and the sessions that initiators have with them.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      IscsiCommand.Portal.class,
      IscsiCommand.Target.class,
      IscsiCommand.Lun.class,
      IscsiAclCommand.class,
      IscsiCommand.Session.class
    })
final class IscsiCommand {
  /** {@code cairn iscsi portal …}. */
  @Command(
      name = "portal",
      description = "Gateways that serve iSCSI.",
      synopsisSubcommandLabel = "COMMAND",
      subcommands = IscsiPortalListCommand.class)
  static final class Portal {}

  /** {@code cairn iscsi target …}. */
  @Command(
      name = "target",
      description = "Volumes as targets: what they are, who reserved them.",
      synopsisSubcommandLabel = "COMMAND",
      subcommands = {IscsiTargetListCommand.class, IscsiTargetShowCommand.class})
  static final class Target {}

  /** {@code cairn iscsi lun …}. */
  @Command(
      name = "lun",
      description = "Volumes as logical units: LUN 0 of a target each.",
      synopsisSubcommandLabel = "COMMAND",
      subcommands = IscsiLunListCommand.class)
  static final class Lun {}

  /** {@code cairn iscsi session …}. */
  @Command(
      name = "session",
      description = "Sessions of initiators.",
      synopsisSubcommandLabel = "COMMAND",
      subcommands = {IscsiSessionListCommand.class, IscsiSessionEndCommand.class})
  static final class Session {}
}
