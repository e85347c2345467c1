package io.cairn.storage.chunk.index;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.chunk.Catalogue;
import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.chunk.SmallDevice;
import io.cairn.storage.device.OutOfSpaceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;

class RocksCatalogueTest {
  private static final ChunkId FIRST = new ChunkId(5, 0, 7);
  private static final ChunkId SECOND = new ChunkId(5, 0, 8);

  @TempDir Path directory;
  private RocksCatalogue catalogue;

  @BeforeEach
  void open() throws IOException {
    catalogue = RocksCatalogue.open(directory.resolve("catalogue"));
  }

  @AfterEach
  void close() {
    catalogue.close();
  }

  private void reopen() throws IOException {
    catalogue.close();
    open();
  }

  private static Catalogue.Stored stored(ChunkId id, long lastVersion) {
    return new Catalogue.Stored(id, 320, lastVersion, 3, new long[] {0b11});
  }

  private static Catalogue.Batch batch(long lsn, List<Catalogue.Stored> chunks) {
    return new Catalogue.Batch(
        lsn,
        Map.of(5L, 4L),
        chunks,
        List.of(
            new Catalogue.StoredPage(FIRST, 0, new byte[] {1, 2}),
            new Catalogue.StoredPage(FIRST, 1, new byte[] {3})),
        List.of());
  }

  @Test
  void aNewCatalogueIsEmpty() throws IOException {
    assertEquals(0, catalogue.checkpointLsn());
    assertEquals(Map.of(), catalogue.fences());
    assertEquals(List.of(), catalogue.chunks());
    assertNull(catalogue.chunk(FIRST));
    assertNull(catalogue.page(FIRST, 0));
  }

  @Test
  void whatWasCommittedIsThereAfterARestart() throws IOException {
    catalogue.commit(batch(4096, List.of(stored(FIRST, 17), stored(SECOND, 18))));
    reopen();
    assertEquals(4096, catalogue.checkpointLsn());
    assertEquals(Map.of(5L, 4L), catalogue.fences());
    assertEquals(2, catalogue.chunks().size());
    Catalogue.Stored first = catalogue.chunk(FIRST);
    assertEquals(320, first.sizeBlocks());
    assertEquals(17, first.lastVersion());
    assertEquals(3, first.syncGeneration());
    assertArrayEquals(new long[] {0b11}, first.pages());
    assertArrayEquals(new byte[] {3}, catalogue.page(FIRST, 1));
    assertNull(catalogue.page(SECOND, 1));
  }

  @Test
  void aDeletedChunkLosesItsPagesAndNoOtherDoes() throws IOException {
    catalogue.commit(batch(4096, List.of(stored(FIRST, 17), stored(SECOND, 18))));
    catalogue.commit(
        new Catalogue.Batch(
            8192,
            Map.of(),
            List.of(),
            List.of(new Catalogue.StoredPage(SECOND, 0, new byte[] {9})),
            List.of(FIRST)));
    reopen();
    assertNull(catalogue.chunk(FIRST));
    assertNull(catalogue.page(FIRST, 0));
    assertNull(catalogue.page(FIRST, 1));
    assertArrayEquals(new byte[] {9}, catalogue.page(SECOND, 0));
    assertEquals(1, catalogue.chunks().size());
  }

  @Test
  void aFenceIsNeverLowered() throws IOException {
    catalogue.raiseFence(5, 9);
    catalogue.raiseFence(5, 8);
    catalogue.raiseFence(6, 1);
    reopen();
    assertEquals(Map.of(5L, 9L, 6L, 1L), catalogue.fences());
    catalogue.commit(batch(4096, List.of()));
    assertEquals(Map.of(5L, 9L, 6L, 1L), catalogue.fences());
  }

  @Test
  void theBytesAreThoseOfTheFormat() throws Exception {
    catalogue.commit(batch(0x1122334455L, List.of(stored(FIRST, 0x0000040000000011L))));
    catalogue.close();
    Map<String, String> found = new TreeMap<>();
    HexFormat hex = HexFormat.of();
    try (Options options = new Options();
        RocksDB db = RocksDB.openReadOnly(options, directory.resolve("catalogue").toString());
        RocksIterator all = db.newIterator()) {
      for (all.seekToFirst(); all.isValid(); all.next()) {
        found.put(hex.formatHex(all.key()), hex.formatHex(all.value()));
      }
    }
    open();
    String key = "0000000000000005" + "00000000" + "00000007";
    assertEquals(
        Map.of(
            "63" + key,
            "01" + "40010000" + "1100000000040000" + "0300000000000000" + "0300000000000000",
            "66" + "0000000000000005",
            "01" + "0400000000000000",
            "6d6370",
            "01" + "5544332211000000",
            "70" + key + "00000000",
            "0102",
            "70" + key + "00000001",
            "03"),
        found);
  }

  @Test
  void aValueOfAnotherFormatIsRefused() throws Exception {
    catalogue.close();
    try (Options options = new Options();
        RocksDB db = RocksDB.open(options, directory.resolve("catalogue").toString())) {
      db.put(new byte[] {'f', 0, 0, 0, 0, 0, 0, 0, 5}, new byte[] {2, 0, 0, 0, 0, 0, 0, 0, 0});
    } catch (RocksDBException e) {
      throw new IOException(e);
    }
    open();
    String reason =
        assertThrows(IllegalStateException.class, () -> catalogue.fences()).getMessage();
    assertTrue(reason.contains("format 2"), reason);
  }

  @Test
  void anyBitThatFlipsInATableIsFoundWhenItIsOpened() throws Exception {
    // A start writes what its log has into a table; what comes then hides all of that.
    commitPages(new Random(1));
    reopen();
    commitPages(new Random(2));
    catalogue.close();
    List<Path> tables;
    try (Stream<Path> all = Files.list(directory.resolve("catalogue"))) {
      tables = all.filter(file -> file.toString().endsWith(".sst")).toList();
    }
    assertEquals(1, tables.size());
    byte[] whole = Files.readAllBytes(tables.getFirst());
    Random random = new Random(3);
    for (int i = 0; i < 64; i++) {
      int place = random.nextInt(whole.length);
      byte[] rotten = whole.clone();
      rotten[place] ^= (byte) (1 << random.nextInt(8));
      Path other = directory.resolve("other" + i);
      copy(directory.resolve("catalogue"), other);
      Files.write(other.resolve(tables.getFirst().getFileName()), rotten);
      String reason =
          assertThrows(
                  IOException.class,
                  () -> RocksCatalogue.open(other).close(),
                  () -> "byte " + place + " of " + whole.length)
              .getMessage();
      assertTrue(reason.startsWith("cannot open the catalogue"), reason);
    }
    open();
  }

  private void commitPages(Random random) throws IOException {
    List<Catalogue.StoredPage> pages = new ArrayList<>();
    for (int page = 0; page < 100; page++) {
      byte[] bytes = new byte[5200];
      random.nextBytes(bytes);
      pages.add(new Catalogue.StoredPage(FIRST, page, bytes));
    }
    catalogue.commit(
        new Catalogue.Batch(4096, Map.of(), List.of(stored(FIRST, 17)), pages, List.of()));
  }

  private static void copy(Path source, Path target) throws IOException {
    Files.createDirectory(target);
    try (Stream<Path> files = Files.list(source)) {
      for (Path file : files.toList()) {
        Files.copy(file, target.resolve(file.getFileName()));
      }
    }
  }

  @Test
  void twoProcessesOnOneCatalogueAreRefused() {
    String reason =
        assertThrows(IOException.class, () -> RocksCatalogue.open(directory.resolve("catalogue")))
            .getMessage();
    assertTrue(reason.startsWith("cannot open the catalogue"), reason);
  }

  @Test
  void aFullDeviceIsToldAsSuchAndUsableAgainWhenThereIsRoom() throws Exception {
    try (SmallDevice device = SmallDevice.mount(directory, 40 << 20)) {
      RocksCatalogue small = RocksCatalogue.open(device.directory().resolve("catalogue"));
      small.commit(batch(4096, List.of(stored(FIRST, 17))));
      device.fill();
      Random random = new Random(1);
      assertThrows(
          OutOfSpaceException.class,
          () -> {
            for (int i = 0; i < 64; i++) {
              byte[] page = new byte[1 << 20];
              random.nextBytes(page);
              small.commit(
                  new Catalogue.Batch(
                      8192 + i,
                      Map.of(),
                      List.of(),
                      List.of(new Catalogue.StoredPage(SECOND, i, page)),
                      List.of()));
            }
          });
      long reached = small.checkpointLsn();
      assertThrows(OutOfSpaceException.class, () -> small.commit(batch(9000, List.of())));
      assertEquals(reached, small.checkpointLsn());
      device.empty();
      // RocksDB looks for room itself, every few seconds.
      long deadlineNanos = System.nanoTime() + 60_000_000_000L;
      while (small.checkpointLsn() != 10_000) {
        assertTrue(System.nanoTime() < deadlineNanos, "it never recovered");
        try {
          small.commit(batch(10_000, List.of(stored(SECOND, 18))));
        } catch (OutOfSpaceException e) {
          Thread.onSpinWait();
        }
      }
      small.close();
      RocksCatalogue again = RocksCatalogue.open(device.directory().resolve("catalogue"));
      assertEquals(10_000, again.checkpointLsn());
      assertEquals(2, again.chunks().size());
      again.close();
    }
  }
}
