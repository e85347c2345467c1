package io.cairn.bench.sim;

import io.cairn.bench.sim.StoreModel.Chunk;
import io.cairn.storage.replication.ShardStore;

/** A shard's devices, which outlive the process; what they may do is said by who implements it. */
interface SimStore {
  /** One life of a process with the store. */
  interface Session {
    /** What the replica machine uses. */
    ShardStore store();

    /** Begins to serve. */
    void start(ShardStore.Listener shard);
  }

  /** Recovers what the last life left, for a new one. */
  Session open(SimProcess process, SimPayload.Ledger ledger);

  /** What the store must hold. */
  StoreModel model();

  /** Everything before this journal position survives a power loss. */
  long durableLsn();

  /** Whether more than the segment that is appended to holds what is not synced. */
  default boolean hasUnsyncedSegments() {
    return false;
  }

  /** The power goes; the process is dead already. */
  void losePower();

  /** Empty devices are in the place of those that were; the process is dead already. */
  void replace();

  /** The journal fills up, or has room again. */
  void setFull(boolean value);

  /** There is no space for another chunk, or there is again. */
  void setSpaceless(boolean value);

  /** Time that every read and sync takes longer. */
  void setSlow(long nanos);

  /** The device fails under the running process. */
  void fail();

  /** Whether the device has failed in this life. */
  boolean isFailed();

  /** Ends all faults but a failed device, which needs a new life of the process. */
  void heal();

  /** Destroys a stored block so that its checksum fails; false when that cannot be done now. */
  boolean rot(Chunk chunk, int block);

  /** Forgets that a block was ever written; false when that cannot be done. */
  default boolean loseWrite(Chunk chunk, int block) {
    return false;
  }

  /** Whether the block can be read. */
  boolean isSound(Chunk chunk, int block);
}
