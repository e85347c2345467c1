package io.cairn.bench.sim;

import io.cairn.client.volume.MetadataCalls;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.machine.MetadataMachine;
import io.cairn.storage.env.Link;
import java.util.function.LongSupplier;

/**
 * What a test may bend at the seams, to prove that the oracles notice; nothing is bent by default.
 */
interface Mutations {
  /** Bends nothing. */
  Mutations NONE = new Mutations() {};

  /** A store as a replica machine sees it; made by {@link SimStore#open}. */
  default SimStore.Session store(SimStore store, SimProcess process, SimPayload.Ledger ledger) {
    return store.open(process, ledger);
  }

  /** A link as a replica machine sees it. */
  default Link replicaLink(Link link) {
    return link;
  }

  /** A link as a session sees it. */
  default Link gatewayLink(Link link) {
    return link;
  }

  /** The metadata as a session sees it. */
  default MetadataCalls metadata(MetadataCalls calls) {
    return calls;
  }

  /** What the metadata makes of a command. */
  default Reply bent(MetadataMachine machine, Command command, Reply reply) {
    return reply;
  }

  /** The clock of a session's calls. */
  default LongSupplier clock(LongSupplier clock) {
    return clock;
  }

  /** The lease that a session is told. */
  default long leaseNanos(long nanos) {
    return nanos;
  }
}
