package io.cairn.metadata.ratis;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/**
 * A read has the leader ask the followers at once whether it leads. Here its next sign of life
 * would come after 15 s: what is answered before did not wait for that.
 */
class ReadAfterWriteTest extends GroupOfThree {
  private static final int ROUNDS = 200;
  private static final Duration SIGN_OF_LIFE = Duration.ofSeconds(15);

  @Override
  Duration electionTimeout() {
    return SIGN_OF_LIFE.multipliedBy(2);
  }

  @Test
  void aReadDoesNotWaitForTheLeadersNextSignOfLife() throws Exception {
    create("a");
    for (int i = 1; i <= ROUNDS; i++) {
      call(new Command.AcquireVolume("a", "g", i, "h:1", -1));
      long asked = System.nanoTime();
      query(new Query.ConfirmGeneration(1, i));
      Duration took = Duration.ofNanos(System.nanoTime() - asked);
      assertTrue(took.compareTo(SIGN_OF_LIFE.dividedBy(3)) < 0, "read " + i + " took " + took);
    }
  }
}
