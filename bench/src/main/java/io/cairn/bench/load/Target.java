package io.cairn.bench.load;

import io.cairn.bench.chaos.Member;
import java.util.List;
import java.util.Optional;

/** Something that keeps blocks and can be measured. It is closed at the end of the run. */
interface Target extends AutoCloseable {
  /** One word for the table. */
  String name();

  /** What it is exactly: version, form, durability. */
  String description();

  /** Whether this row means anything here. */
  boolean can(Row row);

  /**
   * Engine, place and depth for fio.
   *
   * @throws UnsupportedOperationException when it is not measured by fio.
   */
  default List<String> fioArguments(Row row, long regionBytes) {
    throw new UnsupportedOperationException(name() + " has nothing for fio");
  }

  /** Where it is served over NBD on this machine, if it is. */
  default Optional<NbdAddress> address(Row row) {
    return Optional.empty();
  }

  /** Where it is served over iSCSI on this machine, if it is. */
  default Optional<IscsiAddress> iscsi(Row row) {
    return Optional.empty();
  }

  /** The processes whose time counts as the server's for this row. */
  List<ProcessHandle> servers(Row row);

  /** The processes beside the data path. */
  default List<ProcessHandle> metadata() {
    return List.of();
  }

  /** Whom a profile is taken of; none, if it is not ours. */
  default List<Member> profiled() {
    return List.of();
  }

  @Override
  void close();
}
