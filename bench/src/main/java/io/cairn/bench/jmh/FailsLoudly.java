package io.cairn.bench.jmh;

import io.cairn.storage.replication.ShardStore;

/** Hears a store that must not fail; what else it says is of no interest to a measurement. */
final class FailsLoudly implements ShardStore.Listener {
  @Override
  public void onDurable(long durableLsn) {}

  @Override
  public void onRoom() {}

  @Override
  public void onFailed(String reason) {
    throw new IllegalStateException(reason);
  }
}
