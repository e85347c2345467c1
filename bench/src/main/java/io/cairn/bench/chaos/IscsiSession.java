package io.cairn.bench.chaos;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;

/**
 * A volume over one iSCSI session, one command after the other, as a host without multipathing
 * would use it: unit attentions are passed over, a port in standby counts as a connection that has
 * broken. Answers complete on a thread of its own.
 */
public final class IscsiSession implements BlockClient {
  private static final Duration CONNECT = Duration.ofSeconds(5);
  private static final int BLOCK_BYTES = 512;
  private static final int ATTENTIONS_MAX = 16;
  private static final int EIO = 5;

  private final IscsiClient client;
  private final long sizeBytes;
  private final ExecutorService worker;

  private IscsiSession(IscsiClient client, String name) throws IOException {
    this.client = client;
    worker =
        Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("iscsi-client-" + name).factory());
    good(IscsiClient::testUnitReady);
    sizeBytes = client.capacityBytes();
    client.waitForever();
  }

  /** Logs in to the volume's target as an initiator of its own, and asks until it is ready. */
  public static IscsiSession connect(InetSocketAddress portal, String volume) throws IOException {
    IscsiClient client =
        new IscsiClient(
            portal,
            "iqn.2026-11.io.cairn.chaos:" + volume,
            1,
            "iqn.2026-11.io.cairn:" + volume,
            CONNECT);
    try {
      return new IscsiSession(client, volume);
    } catch (IOException | RuntimeException e) {
      client.close();
      throw e;
    }
  }

  private interface Request {
    IscsiClient.Answer on(IscsiClient client) throws IOException;
  }

  private IscsiClient.Answer good(Request request) throws IOException {
    for (int attempt = 0; attempt < ATTENTIONS_MAX; attempt++) {
      IscsiClient.Answer answer = request.on(client);
      if (answer.isGood()) {
        return answer;
      }
      if (answer.isNotReady()) {
        throw new IOException("the unit is not ready here: " + answer.text());
      }
      if (!answer.isUnitAttention()) {
        throw new NbdClient.Refusal("ended with " + answer.text(), EIO);
      }
    }
    throw new IOException(ATTENTIONS_MAX + " unit attentions in a row");
  }

  @Override
  public long sizeBytes() {
    return sizeBytes;
  }

  @Override
  public CompletableFuture<byte[]> write(long offset, byte[] data, boolean forceUnitAccess) {
    return later(one -> one.write(offset / BLOCK_BYTES, data, forceUnitAccess));
  }

  @Override
  public CompletableFuture<byte[]> read(long offset, int length) {
    return later(one -> one.read(offset / BLOCK_BYTES, length));
  }

  @Override
  public CompletableFuture<byte[]> flush() {
    return later(IscsiClient::synchronizeCache);
  }

  private CompletableFuture<byte[]> later(Request request) {
    CompletableFuture<byte[]> answer = new CompletableFuture<>();
    try {
      worker.execute(
          () -> {
            try {
              answer.complete(good(request).data());
            } catch (IOException | RuntimeException e) {
              answer.completeExceptionally(e);
            }
          });
    } catch (RejectedExecutionException e) {
      answer.completeExceptionally(new IOException("closed", e));
    }
    return answer;
  }

  @Override
  public void abandon() {
    close();
  }

  /** The session is left to the target, which ends it: a logout would wait for an answer. */
  @Override
  public void close() {
    try {
      client.close();
    } catch (IOException e) {
      // It is gone either way.
    }
    worker.shutdown();
  }
}
