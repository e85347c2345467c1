package io.cairn.storage.journal;

import io.cairn.storage.chunk.CapacityTier;
import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.env.Region;
import java.io.IOException;
import java.util.List;

/**
 * A shard's state as it was found: that of the last checkpoint, and every record behind it.
 *
 * @param journal at its end, with a new life begun.
 * @param checkpointLsn where the catalogue ended.
 */
record Recovery(Journal journal, LiveIndex index, Journal.Recovered found, long checkpointLsn) {
  /** As {@link JournaledStore#open} says; blocks. */
  static Recovery of(
      JournalIdentity identity,
      List<Region> ring,
      long life,
      Catalogue catalogue,
      CapacityTier tier)
      throws IOException {
    Journal journal = new Journal(identity, ring);
    LiveIndex index = new LiveIndex(catalogue);
    catalogue.fences().forEach(index::raiseFence);
    for (Catalogue.Stored stored : catalogue.chunks()) {
      index.add(IndexedChunk.of(stored));
    }
    long[] trashedBytes = new long[1];
    Journal.Recovered recovered;
    try {
      recovered =
          journal.recover(
              catalogue.checkpointLsn(),
              life,
              record -> index.apply(record, gone -> trashedBytes[0] += gone.sizeBytes()));
    } catch (InternalError e) {
      // What a device that cannot be read becomes behind a mapped file.
      throw new IOException("the journal cannot be read: " + e.getMessage(), e);
    }
    index.endRecovery();
    // What the journal sends to the trash still occupies its space until it is destaged.
    tier.adopt(trashedBytes[0]);
    for (IndexedChunk chunk : index.chunks()) {
      tier.adopt(chunk.sizeBytes());
    }
    return new Recovery(journal, index, recovered, catalogue.checkpointLsn());
  }

  /** What was found, in one line for the log. */
  String text() {
    return found.records()
        + " records of the journal behind checkpoint "
        + checkpointLsn
        + " up to "
        + found.endLsn()
        + " ("
        + found.endReason()
        + "), "
        + index.chunkCount()
        + " chunks";
  }
}
