package io.cairn.client.cli;

import java.io.PrintWriter;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.ScopeType;

/**
 * The command {@code cairn}. Exit codes: 0 done; 1 refused or failed, with one line on stderr that
 * says why and what to do; 2 wrong usage.
 */
@Command(
    name = "cairn",
    description = "Distributed block storage.",
    synopsisSubcommandLabel = "COMMAND",
    mixinStandardHelpOptions = true,
    scope = ScopeType.INHERIT,
    versionProvider = Cairn.Version.class,
    subcommands = {
      StatusCommand.class,
      EventsCommand.class,
      NodeCommand.class,
      VolumeCommand.class,
      IscsiCommand.class,
      AttachCommand.class,
      DetachCommand.class,
      AttachedCommand.class,
      MetadataCommand.class,
      StorageCommand.class,
      GatewayCommand.class,
      UpgradeCommand.class,
      SupportBundleCommand.class
    })
public final class Cairn {
  /** Exit code of a verb that was refused or failed. */
  static final int FAILED = 1;

  /** Shows stack traces when it is set and not empty. */
  private static final String DEBUG_VARIABLE = "CAIRN_DEBUG";

  private static final int WIDTH_COLUMNS = 100;

  private final MetadataConnector connector;
  private final Map<String, String> environment;

  @Option(names = "--debug", hidden = true, scope = ScopeType.INHERIT)
  private boolean debug;

  Cairn(MetadataConnector connector, Map<String, String> environment) {
    this.connector = connector;
    this.environment = environment;
  }

  /** The command as the program runs it; other modules may add verbs. */
  public static CommandLine commandLine() {
    return new Cairn(new GroupConnector(), System.getenv()).newCommandLine();
  }

  /** Runs a verb of this module. */
  public static void main(String[] arguments) {
    System.exit(commandLine().execute(arguments));
  }

  CommandLine newCommandLine() {
    CommandLine line = new CommandLine(this);
    configure(line);
    return line;
  }

  /** Adds a verb, with its errors treated like those of the others. */
  public static void add(CommandLine cairn, Object verb) {
    cairn.addSubcommand(verb);
    configure(cairn);
  }

  /** These settings reach only the verbs that are there already. */
  private static void configure(CommandLine line) {
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setUsageHelpWidth(WIDTH_COLUMNS);
    line.setParameterExceptionHandler((e, arguments) -> refuseUsage(e));
    line.setExecutionExceptionHandler(
        (e, verb, parsed) -> ((Cairn) line.getCommandSpec().userObject()).fail(e, verb, parsed));
  }

  private static int refuseUsage(CommandLine.ParameterException e) {
    CommandLine verb = e.getCommandLine();
    PrintWriter err = verb.getErr();
    String name = verb.getCommandSpec().qualifiedName();
    err.println(
        "cairn: " + oneLine(e.getMessage()) + "; '" + name + " --help' says how it is used");
    err.flush();
    return CommandLine.ExitCode.USAGE;
  }

  private int fail(Exception failure, CommandLine verb, ParseResult parsed) {
    PrintWriter err = verb.getErr();
    err.println("cairn: " + line(failure));
    String variable = environment.get(DEBUG_VARIABLE);
    if (debug || variable != null && !variable.isEmpty()) {
      failure.printStackTrace(err);
    }
    err.flush();
    return FAILED;
  }

  private static String line(Exception failure) {
    if (failure instanceof CommandFailure && failure.getMessage() != null) {
      return oneLine(failure.getMessage());
    }
    return oneLine(failure.toString()) + "; --debug shows more";
  }

  private static String oneLine(String text) {
    return text.strip().replaceAll("\\s*\\R\\s*", " ");
  }

  /** The command to which a verb belongs. */
  static Cairn of(CommandSpec spec) {
    return (Cairn) spec.root().userObject();
  }

  MetadataConnector connector() {
    return connector;
  }

  Map<String, String> environment() {
    return environment;
  }

  /** Says which release this is, as the build wrote it into the archive. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String release = Cairn.class.getPackage().getImplementationVersion();
      return new String[] {"cairn " + (release == null ? "(not packaged)" : release)};
    }
  }
}
