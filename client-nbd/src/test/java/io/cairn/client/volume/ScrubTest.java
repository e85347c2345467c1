package io.cairn.client.volume;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.volume.SessionWorld.Answer;
import io.cairn.client.volume.SessionWorld.Node;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.model.ChunkScrub;
import io.cairn.storage.replication.MemoryStore;
import io.cairn.storage.wire.Crc32c;
import java.util.List;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Rotten and lost blocks at rest, found by a scrub and mended from a good replica. */
class ScrubTest {
  private static final int BLOCK = 4096;
  private static final int BLOCKS = 64;
  private static final byte[] ZEROES = new byte[BLOCK];

  private final SessionWorld world = new SessionWorld(3, 3, 2);
  private final byte[] written = SessionWorld.bytes(BLOCKS * BLOCK, 5);
  private VolumeSession session;

  @BeforeEach
  void writeOneChunk() {
    session = world.attach("a");
    write(0, written);
    world.run(SessionWorld.SECOND);
  }

  private void write(int block, byte[] bytes) {
    Answer answer = world.write(session, (long) block * BLOCK, bytes);
    world.await(() -> answer.done);
    assertTrue(answer.ok());
  }

  private Answer read(int block, int blocks) {
    Answer read = world.read(session, (long) block * BLOCK, blocks * BLOCK);
    world.await(() -> read.done);
    return read;
  }

  private MemoryStore store(int node) {
    return world.nodes.get(node).store;
  }

  private boolean isSound(int node, int block) {
    return store(node).sound(store(node).chunk(0), block);
  }

  /** The device said that it wrote, and did not. */
  private void losesTheWrite(int node, int block) {
    MemoryStore.Chunk chunk = store(node).chunk(0);
    chunk.versions[block] = 0;
    chunk.blocks[block] = ZEROES;
    chunk.crcs[block] = Crc32c.ZERO_BLOCK;
  }

  private void ask(boolean deep) {
    world.order(new Command.ScrubVolume("vol", deep));
    session.onRecord(world.metadata.state().volume(world.volumeId), world.nowNanos);
  }

  private ChunkScrub scrub(boolean deep) {
    ask(deep);
    world.await(() -> !world.metadata.state().volume(world.volumeId).scrubs().awaited());
    return world.record(0).lastScrub();
  }

  private void allIsThere() {
    Answer all = read(0, BLOCKS);
    assertTrue(all.ok());
    assertArrayEquals(written, all.bytes);
    for (Node node : world.nodes) {
      for (int block = 0; block < BLOCKS; block++) {
        assertTrue(isSound(node.index, block), "block " + block + " of node " + node.id);
        assertEquals(
            store(0).chunk(0).versions[block],
            node.store.chunk(0).versions[block],
            "block " + block);
      }
    }
  }

  @Test
  void aDeepScrubMendsRottenBlocksOnSeveralReplicasAndRecordsThem() {
    store(0).rot(0, 3);
    store(1).rot(0, 4);
    store(2).rot(0, 63);
    store(1).rot(0, 63);
    ChunkScrub found = scrub(true);
    assertEquals(4, found.mendedBlocks());
    assertEquals(List.of(), found.badBlocks());
    assertTrue(found.deepMillis() > 0 && found.lightMillis() > 0);
    allIsThere();
    assertEquals(4, session.counters().scrubMendedBlocks());
  }

  @Test
  void aLightScrubDoesNotReadDataButMendsAReplicaThatLostAWrite() {
    store(0).rot(0, 3);
    losesTheWrite(2, 7);
    ChunkScrub found = scrub(false);
    assertEquals(1, found.mendedBlocks());
    assertEquals(0, found.deepMillis());
    assertFalse(isSound(0, 3));
    assertEquals(1, scrub(true).mendedBlocks() - found.mendedBlocks());
    allIsThere();
  }

  @Test
  void aReadableButOlderBlockNeverTakesThePlaceOfANewerRottenOne() {
    losesTheWrite(0, 9);
    store(1).rot(0, 9);
    assertEquals(2, scrub(true).mendedBlocks());
    allIsThere();
  }

  @Test
  void whatNoReplicaHasIsReportedAndOnlyThatBlockCannotBeRead() {
    losesTheWrite(0, 9);
    store(1).rot(0, 9);
    store(2).rot(0, 9);
    store(0).rot(0, 20);
    store(1).rot(0, 20);
    store(2).rot(0, 20);
    ChunkScrub found = scrub(true);
    assertEquals(List.of(9, 20), found.badBlocks());
    assertEquals(0, found.mendedBlocks());
    assertEquals(VolumeIo.Failure.UNREADABLE, read(20, 1).failure);
    assertTrue(read(19, 1).ok());
    assertTrue(read(21, 1).ok());
    byte[] anew = SessionWorld.bytes(BLOCK, 6);
    write(9, anew);
    write(20, anew);
    assertEquals(List.of(), scrub(true).badBlocks());
    System.arraycopy(anew, 0, written, 9 * BLOCK, BLOCK);
    System.arraycopy(anew, 0, written, 20 * BLOCK, BLOCK);
    allIsThere();
  }

  @Test
  void writersGoOnDuringAScrubAndNothingOfTheirsIsRolledBack() {
    for (int block = 0; block < BLOCKS; block += 2) {
      store(block % 3).rot(0, block);
    }
    ask(true);
    for (int i = 0; i < 300; i++) {
      byte[] anew = SessionWorld.bytes(BLOCK, 1000 + i);
      int block = i * 7 % BLOCKS;
      write(block, anew);
      System.arraycopy(anew, 0, written, block * BLOCK, BLOCK);
      world.run(SessionWorld.MILLI / 4);
    }
    world.await(() -> !world.metadata.state().volume(world.volumeId).scrubs().awaited());
    allIsThere();
  }

  @Test
  void aReplicaThatCannotBeReachedPutsTheScrubOff() {
    store(1).rot(0, 3);
    world.nodes.get(2).kill();
    ask(true);
    world.run(SessionWorld.SECOND / 2);
    assertTrue(world.metadata.state().volume(world.volumeId).scrubs().awaited());
    world.await(() -> world.record(0).inSyncCount() == 2);
    world.await(() -> !world.metadata.state().volume(world.volumeId).scrubs().awaited());
    assertTrue(isSound(1, 3));
    world.nodes.get(2).start();
    world.await(() -> world.record(0).inSyncCount() == 3);
    allIsThere();
  }

  @Test
  void whatWasFoundOutlivesTheOwnerAndAReportWithoutAnAnswerIsMadeAgain() {
    store(0).rot(0, 3);
    world.commandAnswersLost = true;
    ask(true);
    world.run(3 * SessionWorld.SECOND);
    world.commandAnswersLost = false;
    world.await(() -> !world.metadata.state().volume(world.volumeId).scrubs().awaited());
    assertEquals(1, world.record(0).lastScrub().mendedBlocks());
    session = world.attach("b");
    store(1).rot(0, 4);
    assertEquals(2, scrub(true).mendedBlocks());
    allIsThere();
  }

  @Test
  void scrubsComeBackByTheirIntervalsAndAtTheirRate() {
    long bytesPerSecond = 1 << 20;
    world.scrub =
        new ScrubSettings(
            3_600_000L,
            7 * 3_600_000L,
            () -> world.nowNanos / SessionWorld.MILLI,
            new ScrubPace(bytesPerSecond));
    session = world.attach("b");
    world.run(3_500 * SessionWorld.SECOND);
    assertEquals(0, session.counters().scrubbedChunks());
    store(1).rot(0, 4);
    world.run(200 * SessionWorld.SECOND);
    long first = session.counters().scrubbedChunks();
    assertEquals(1, first);
    assertTrue(isSound(1, 4), "the first one is deep");
    world.run(3_600 * SessionWorld.SECOND);
    assertEquals(2, session.counters().scrubbedChunks());
    long deepMillis = world.record(0).lastScrub().deepMillis();
    assertTrue(world.record(0).lastScrub().lightMillis() > deepMillis);
    world.run(7 * 3_600 * SessionWorld.SECOND);
    assertTrue(world.record(0).lastScrub().deepMillis() > deepMillis);
    assertEquals(0, read(0, 1).failure == null ? 0 : 1);
  }

  /** What was scrubbed while a clock was a year ahead is scrubbed again when it is set right. */
  @Test
  void aClockThatWasAheadKeepsNoChunkFromItsScrub() {
    long year = 31_536_000_000L;
    long[] now = {3 * year};
    world.scrub =
        new ScrubSettings(
            3_600_000L,
            0,
            () -> now[0] + world.nowNanos / SessionWorld.MILLI,
            new ScrubPace(1 << 30));
    session = world.attach("b");
    world.run(3_700 * SessionWorld.SECOND);
    assertEquals(1, session.counters().scrubbedChunks());
    assertTrue(world.record(0).lastScrub().lightMillis() > 3 * year);
    now[0] = 2 * year;
    world.run(3_600 * SessionWorld.SECOND);
    assertEquals(2, session.counters().scrubbedChunks());
    assertTrue(world.record(0).lastScrub().lightMillis() < 3 * year);
    now[0] = year;
    session = world.attach("a");
    world.run(3_000 * SessionWorld.SECOND);
    assertEquals(1, session.counters().scrubbedChunks(), "of whom is behind");
    assertTrue(world.record(0).lastScrub().lightMillis() < 2 * year);
  }

  @Test
  void whoComesForAScrubThatIsDueFindsWhatNobodyEverScrubbedAndWhatIsAlmostDue() {
    LongSupplier clockMillis = () -> 1_000_000L + world.nowNanos / SessionWorld.MILLI;
    ScrubSettings usual = new ScrubSettings(8_000_000L, 0, clockMillis, new ScrubPace(1 << 30));
    Query.ScrubWanted wanted = usual.wanted();
    assertEquals(clockMillis.getAsLong() - 8_000_000L, wanted.lightBeforeMillis());
    assertEquals(0, wanted.deepBeforeMillis());
    assertEquals(3_600_000L, wanted.restMillis());
    assertNull(ScrubSettings.onRequest().wanted());
    world.scrub = usual.nowDue();
    session = world.attach("b");
    world.await(() -> session.counters().scrubbedChunks() == 1);
    world.await(() -> !session.mending().isScrubbing());
    long first = world.record(0).lastScrub().lightMillis();
    assertTrue(first > 0);
    assertEquals(0, world.record(0).lastScrub().deepMillis(), "only on request");
    world.run(7_001 * SessionWorld.SECOND);
    session = world.attach("a");
    world.await(() -> world.record(0).lastScrub().lightMillis() > first);
  }

  @Test
  void aRangeIsNotAskedForBeforeItsTurn() {
    ScrubPace pace = new ScrubPace(1 << 20);
    world.scrub = new ScrubSettings(0, 0, () -> 1, pace);
    session = world.attach("b");
    long begun = world.nowNanos;
    // A chunk is 1 MiB, one range; the second chunk waits until the first has been paid for.
    write(256, written);
    write(512, written);
    scrub(true);
    assertTrue(world.nowNanos - begun >= 2 * SessionWorld.SECOND);
  }
}
