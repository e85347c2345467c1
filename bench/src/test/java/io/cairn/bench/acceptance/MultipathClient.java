package io.cairn.bench.acceptance;

import io.cairn.bench.chaos.Await;
import io.cairn.bench.chaos.ChaosFailure;
import io.cairn.bench.chaos.IscsiClient;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;

/**
 * A host with a path through each gateway to one iSCSI unit: a command that ends without an answer,
 * or at a port that is not active, is sent again through the next path, as a multipath driver does.
 * Not thread-safe.
 */
final class MultipathClient implements Closeable {
  /** Silence after which a path is given up for the next one. */
  private static final Duration PATH_LIMIT = Duration.ofSeconds(5);

  private static final Duration PAUSE = Duration.ofMillis(50);

  private final List<InetSocketAddress> portals;
  private final String initiator;
  private final String target;
  private final Duration limit;
  private final IscsiClient[] paths;
  private int current;
  private long longestNanos;
  private int switches;

  /**
   * A host that has not logged in yet.
   *
   * @param limit after which a command that no path answers fails.
   */
  public MultipathClient(
      List<InetSocketAddress> portals, String initiator, String target, Duration limit) {
    this.portals = List.copyOf(portals);
    this.initiator = initiator;
    this.target = target;
    this.limit = limit;
    paths = new IscsiClient[portals.size()];
  }

  /** The longest time that a command took, in seconds. */
  public double longestSeconds() {
    return longestNanos / 1e9;
  }

  /** How often the path was changed. */
  public int switches() {
    return switches;
  }

  /** One command, as often as it needs. */
  private interface Attempt {
    IscsiClient.Answer on(IscsiClient path) throws IOException;
  }

  /** READ(16), in blocks of 512 bytes. */
  public byte[] read(long block, int bytes) {
    return run(path -> path.read(block, bytes)).data();
  }

  /** WRITE(16), in blocks of 512 bytes. */
  public void write(long block, byte[] data) {
    run(path -> path.write(block, data));
  }

  private IscsiClient.Answer run(Attempt attempt) {
    long begin = System.nanoTime();
    String last = "nothing";
    while (System.nanoTime() - begin < limit.toNanos()) {
      try {
        IscsiClient.Answer answer = attempt.on(path());
        if (answer.isGood()) {
          longestNanos = Math.max(longestNanos, System.nanoTime() - begin);
          return answer;
        }
        last = answer.text();
        if (answer.isNotReady()) {
          next();
        } else if (!answer.isUnitAttention()) {
          throw new ChaosFailure("a command failed: " + last);
        }
      } catch (IOException e) {
        last = e.toString();
        drop();
        next();
      }
    }
    throw new ChaosFailure("no path answered within " + limit + ", the last one " + last);
  }

  private IscsiClient path() throws IOException {
    if (paths[current] == null) {
      paths[current] =
          new IscsiClient(portals.get(current), initiator, current + 1, target, PATH_LIMIT);
    }
    return paths[current];
  }

  private void next() {
    switches++;
    current = (current + 1) % portals.size();
    if (current == 0) {
      Await.pass(PAUSE);
    }
  }

  private void drop() {
    IscsiClient path = paths[current];
    paths[current] = null;
    try {
      if (path != null) {
        path.close();
      }
    } catch (IOException e) {
      // It is gone either way.
    }
  }

  @Override
  public void close() {
    for (current = 0; current < paths.length; current++) {
      drop();
    }
  }
}
