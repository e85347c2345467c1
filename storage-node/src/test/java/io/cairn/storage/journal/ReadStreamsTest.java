package io.cairn.storage.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.chunk.ChunkId;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ReadStreamsTest {
  private static final int SIZE = 16_384;
  private static final int MOST = 512;
  private static final ChunkId CHUNK = new ChunkId(1, 0, 0);

  private final ReadStreams streams = new ReadStreams(MOST);

  private boolean read(int block, int count) {
    streams.missed();
    return streams.read(CHUNK, block, count);
  }

  @Test
  void readerThatGoesOnHasAsMuchReadAheadAsItHasReadUpToTheBound() {
    assertFalse(read(64, 32));
    assertFalse(read(96, 32));
    assertTrue(read(128, 32));
    assertEquals(160, streams.take());
    assertEquals(160 + 96, streams.end());
    assertFalse(read(160, 32));
    assertTrue(read(192, 32));
    assertEquals(256, streams.take());
    assertEquals(224 + 160, streams.end());
    int asked = streams.end();
    for (int block = 224; block < 8192; block += 32) {
      if (read(block, 32)) {
        assertEquals(asked, streams.take(), "nothing is left out, and nothing asked for twice");
        asked = streams.end();
        assertTrue(asked - (block + 32) <= MOST);
      }
    }
    assertTrue(asked - 8192 >= MOST / 2);
  }

  @Test
  void smallReadsAreBelievedAfterAStretch() {
    for (int block = 0; block < ReadStreams.SURE_BLOCKS - 1; block++) {
      assertFalse(read(block, 1));
    }
    assertTrue(read(ReadStreams.SURE_BLOCKS - 1, 1));
  }

  @Test
  void largeReadsBelongToNoStream() {
    for (int block = 0; block < SIZE; block += 256) {
      assertFalse(read(block, 256));
    }
  }

  @Test
  void streamMayComeInAnotherOrderNowAndThen() {
    int asked = 0;
    for (int i = 0; i < 256; i++) {
      int read = i % 16 == 6 ? i + 1 : i % 16 == 7 ? i - 1 : i;
      if (read(32 * read, 32)) {
        streams.take();
        asked++;
      }
    }
    assertTrue(asked > 20);
    assertTrue(streams.end() >= 8192 + MOST / 2);
  }

  @Test
  void streamMayLeaveOutHalfOfWhatWasReadAhead() {
    for (int block = 0; block < 1024; block += 32) {
      if (read(block, 32)) {
        streams.take();
      }
    }
    int asked = 0;
    for (int block = 1024; block < 8192; block += 256) {
      for (int i = 0; i < 128; i += 32) {
        if (read(block + i, 32)) {
          streams.take();
          asked++;
        }
      }
    }
    assertTrue(asked > 10);
    assertTrue(streams.end() >= 8192);
  }

  @Test
  void readerThatBeginsAnewIsBelievedAnew() {
    for (int pass = 0; pass < 3; pass++) {
      int asked = 0;
      for (int block = 0; block < 4096; block += 32) {
        if (read(block, 32)) {
          streams.take();
          asked++;
        }
      }
      assertTrue(asked > 10, "pass " + pass);
    }
  }

  @Test
  void readersThatJumpHaveNothingReadAhead() {
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < 1_000_000; i++) {
      assertFalse(read(random.nextInt(SIZE), 1));
    }
    int blocks = 0;
    for (int i = 0; i < 1_000_000; i++) {
      if (read(random.nextInt(SIZE / 32) * 32, 32)) {
        blocks -= streams.take();
        blocks += streams.end();
      }
    }
    double share = blocks / 32e6;
    assertTrue(share < 0.1, share + " of what is read at random in 512 places of one chunk");
  }

  @Test
  void readersThatJumpDoNotMakeOneForgottenThatGoesOn() {
    SplittableRandom random = new SplittableRandom(2);
    int asked = 0;
    for (int block = 0; block < SIZE; block += 32) {
      if (read(block, 32)) {
        streams.take();
        asked++;
      }
      for (int i = 0; i < 8; i++) {
        streams.read(new ChunkId(2, 0, random.nextInt(100)), random.nextInt(SIZE), 1);
      }
    }
    assertTrue(asked > 10);
  }

  @Test
  void nothingIsReadAheadWhereNothingIsToBe() {
    ReadStreams none = new ReadStreams(0);
    for (int block = 0; block < 1024; block += 32) {
      assertFalse(none.read(CHUNK, block, 32));
    }
  }
}
