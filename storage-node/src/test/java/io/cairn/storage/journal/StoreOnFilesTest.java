package io.cairn.storage.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.env.Payload;
import io.cairn.storage.replication.ShardStore;
import io.cairn.storage.wire.Frame;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The store with real files, threads and processes. */
@Timeout(value = 300)
class StoreOnFilesTest {
  /** A journal's worth of writes and half another, so that it is killed while it destages. */
  private static final int WRITES_PER_LIFE = 6_000;

  @TempDir Path directory;

  /** Compares all blocks with what the writes up to the last one make of them. */
  private static void compare(KilledStore killed, long last) throws Exception {
    long[] expected = new long[KilledStore.CHUNK_BLOCKS];
    for (long sequence = 1; sequence <= last; sequence++) {
      expected[KilledStore.blockOf(sequence)] = sequence;
    }
    for (int block = 0; block < expected.length; block += 256) {
      int from = block;
      CompletableFuture<Void> done = new CompletableFuture<>();
      killed.onLoop(
          () -> {
            killed.store.read(killed.chunk(), from, 256, new Comparison(expected, from, done));
            return null;
          });
      done.get(60, TimeUnit.SECONDS);
    }
  }

  private record Comparison(long[] expected, int from, CompletableFuture<Void> done)
      implements ShardStore.ReadSink {
    @Override
    public void onBlocks(int[] crcs, long[] versions, Payload payload) {
      for (int i = 0; i < 256; i++) {
        int at = payload.offset() + i * Frame.BLOCK_BYTES;
        long found = payload.buffer().getLong(at);
        byte last = payload.buffer().getByte(at + Frame.BLOCK_BYTES - 1);
        if (found != expected[from + i] || last != (byte) found) {
          done.completeExceptionally(
              new AssertionError(
                  "block %d has %d, not %d".formatted(from + i, found, expected[from + i])));
          return;
        }
      }
      done.complete(null);
    }

    @Override
    public void onUnreadable(int block, String reason) {
      done.completeExceptionally(new AssertionError("block " + block + ": " + reason));
    }
  }

  @Test
  void aProcessThatIsKilledKeepsEverythingThatItAppended() throws Exception {
    long told = 0;
    int life = 0;
    for (int round = 0; round < 3; round++) {
      Process process = writer(++life);
      try (BufferedReader lines =
          new BufferedReader(
              new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII))) {
        long enough = told + WRITES_PER_LIFE;
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          // Whatever a library logs to the same stream is no number.
          told = line.matches("\\d+") ? Long.parseLong(line) : told;
          if (told >= enough) {
            // By its handle: what it still said must be read too.
            process.toHandle().destroyForcibly();
          }
        }
        process.waitFor();
        assertTrue(told >= enough, "the writer ended by itself after " + told);
      }
      try (KilledStore again = new KilledStore(directory, ++life)) {
        long last = again.lastSequence();
        assertTrue(last >= told && last <= told + 1, () -> last + " recovered");
        compare(again, last);
        told = last;
      }
    }
  }

  private Process writer(int life) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
            .filter(option -> option.startsWith("--"))
            .toList());
    command.addAll(
        List.of(
            "-Xmx256m",
            "-cp",
            System.getProperty("java.class.path"),
            KilledStore.class.getName(),
            directory.toString(),
            Integer.toString(life)));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  @Test
  void aStoreThatIsClosedIsThereAgainWithItsCapacityTier() throws Exception {
    long last = 0;
    for (int life = 1; life <= 3; life++) {
      try (KilledStore store = new KilledStore(directory, life)) {
        long start = last;
        assertEquals(start, store.lastSequence());
        while (last < start + WRITES_PER_LIFE) {
          long next = last + 1;
          if (store.onLoop(() -> store.write(next))) {
            last = next;
          }
        }
        compare(store, last);
        assertNull(store.failure);
        assertTrue(store.store.counters().destageRuns() > 0);
      }
    }
  }

  @Test
  void aJournalGrowsAndShrinksUnderItsWriter() throws Exception {
    long last = 0;
    try (KilledStore store = new KilledStore(directory, 1)) {
      for (int segments : new int[] {16, 4, 9}) {
        store.resize(segments);
        long resizedBytes = (long) segments * KilledStore.SEGMENT_BYTES;
        long enough = last + WRITES_PER_LIFE;
        while (last < enough || store.files.sizeBytes() != resizedBytes) {
          long next = last + 1;
          if (store.onLoop(() -> store.write(next))) {
            last = next;
          }
          assertNull(store.failure);
        }
      }
      compare(store, last);
    }
    try (KilledStore store = new KilledStore(directory, 2)) {
      assertEquals(9, store.ring.size());
      compare(store, last);
    }
  }

  @Test
  void aDeviceThatFailsUnderTheMappedJournalFailsTheShardAndNotTheProcess() throws Exception {
    try (KilledStore store = new KilledStore(directory, 1, null)) {
      for (int i = 1; i <= 20; i++) {
        long sequence = i;
        assertTrue(store.onLoop(() -> store.write(sequence)));
      }
      // Memory without a file behind it: what the kernel raises is the same as on a bad sector.
      Path segment = directory.resolve("journal/segment-001");
      try (FileChannel channel = FileChannel.open(segment, StandardOpenOption.WRITE)) {
        channel.truncate(0);
      }
      store.onLoop(() -> store.write(21));
      assertTrue(store.failure.contains("the journal's device failed"), store.failure);
      CompletableFuture<String> answer = new CompletableFuture<>();
      store.onLoop(
          () -> {
            store.store.read(
                store.chunk(),
                KilledStore.blockOf(5),
                1,
                new ShardStore.ReadSink() {
                  @Override
                  public void onBlocks(int[] crcs, long[] versions, Payload payload) {
                    answer.complete("served");
                  }

                  @Override
                  public void onUnreadable(int block, String reason) {
                    answer.complete(reason);
                  }
                });
            return null;
          });
      assertEquals("the journal's device failed", answer.get(60, TimeUnit.SECONDS));
    }
  }
}
