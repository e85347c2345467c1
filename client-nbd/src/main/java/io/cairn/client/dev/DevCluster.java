package io.cairn.client.dev;

/** The running members of a dev cluster. */
interface DevCluster extends AutoCloseable {
  /** Why the cluster will never be ready, or null while it may become so. */
  String failure();

  /** Stops what still runs: the gateway first, the metadata last. */
  @Override
  void close();
}
