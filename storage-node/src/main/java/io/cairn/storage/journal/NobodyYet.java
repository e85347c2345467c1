package io.cairn.storage.journal;

import io.cairn.storage.replication.ShardStore;

/** Hears nothing, until the shard is started. */
final class NobodyYet implements ShardStore.Listener {
  @Override
  public void onDurable(long durableLsn) {}

  @Override
  public void onRoom() {}

  @Override
  public void onFailed(String reason) {}
}
