package io.cairn.bench.load;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An NBD export that somebody else serves, like an RBD image behind qemu-nbd; the time of the
 * processor is that of all programs with the given names on this machine.
 */
final class ExportTarget implements Target {
  /** What {@link #parse} reads, for messages. */
  static final String SYNTAX =
      "NAME=URI[,PROGRAM]…, like ceph=nbd://127.0.0.1:10810/image,qemu-nbd,ceph-osd";

  private static final Pattern TEXT =
      Pattern.compile("([A-Za-z0-9._-]+)=(nbd[^,]*:/[^,]+)((?:,[^,]+)*)");

  private final String name;
  private final String uri;
  private final List<String> programs;

  private ExportTarget(String name, String uri, List<String> programs) {
    this.name = name;
    this.uri = uri;
    this.programs = programs;
  }

  /**
   * Reads an option's value.
   *
   * @throws IllegalArgumentException when it is none.
   */
  static ExportTarget parse(String text) {
    Matcher matcher = TEXT.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException("'" + text + "' is not " + SYNTAX);
    }
    List<String> programs =
        Arrays.stream(matcher.group(3).split(",")).filter(program -> !program.isEmpty()).toList();
    return new ExportTarget(matcher.group(1), matcher.group(2), programs);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String description() {
    return "what " + uri + " serves; processor time of " + String.join(", ", programs);
  }

  @Override
  public boolean can(Row row) {
    return switch (row.form()) {
      case CLOSED -> true;
      case ALWAYS -> false;
      // The client of paced rows has a socket of this machine only.
      case PACED -> address(row).isPresent();
    };
  }

  @Override
  public Optional<NbdAddress> address(Row row) {
    return NbdAddress.parse(uri);
  }

  @Override
  public List<String> fioArguments(Row row, long regionBytes) {
    return NbdTarget.fioArguments(uri, row);
  }

  @Override
  public List<ProcessHandle> servers(Row row) {
    return ProcessHandle.allProcesses()
        .filter(
            process ->
                process
                    .info()
                    .command()
                    .map(
                        command ->
                            programs.contains(command.substring(command.lastIndexOf('/') + 1)))
                    .orElse(false))
        .toList();
  }

  @Override
  public void close() {}
}
