package io.cairn.bench.chaos;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.CompletableFuture;

/**
 * One connection to a volume by one of the protocols. A future that fails with {@link
 * NbdClient.Refusal} was answered with an error; any other failure leaves open what was done.
 */
public interface BlockClient extends AutoCloseable {
  /** Connects to a volume at one of several servers. */
  interface Connector {
    /**
     * Connects.
     *
     * @throws IOException when the volume is not served there now.
     */
    BlockClient connect(InetSocketAddress server) throws IOException;
  }

  /** The volume's size. */
  long sizeBytes();

  /** Writes. */
  CompletableFuture<byte[]> write(long offset, byte[] data, boolean forceUnitAccess);

  /** Reads. */
  CompletableFuture<byte[]> read(long offset, int length);

  /** Flushes. */
  CompletableFuture<byte[]> flush();

  /**
   * Ends without a goodbye, which a server that stands still would not take: what is in flight
   * fails.
   */
  void abandon();

  /** Ends; what is in flight fails. */
  @Override
  void close();
}
