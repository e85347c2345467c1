package io.cairn.client.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class WrittenBytesTest {
  private static final String PAGE =
      """
      # HELP cairn_storage_written_bytes_total Bytes.
      cairn_storage_written_bytes_total{shard="0"} 1048576.0
      cairn_storage_written_bytes_total{shard="1"} 1048576.0
      cairn_storage_catchup_copied_blocks_total{shard="0"} 512.0
      cairn_storage_device_written_bytes_total{device="/a",tier="cache"} 4194304.0
      cairn_storage_device_written_bytes_total{device="/b",tier="cache"} 2097152.0
      cairn_storage_device_written_bytes_total{device="/c",tier="capacity"} 1048576.0
      cairn_storage_read_cache_written_bytes_total{shard="0"} 7.0
      """;

  @Test
  void factorsAreOfWhatClientsAndOtherNodesGave() {
    WrittenBytes bytes = WrittenBytes.ofPage(PAGE);
    assertEquals(new WrittenBytes(2 << 20, 2 << 20, 6 << 20, 1 << 20), bytes);
    assertEquals(1.5, bytes.json().path("cacheFactor").asDouble());
    assertEquals(0.25, bytes.json().path("capacityFactor").asDouble());
    assertEquals(
        "2MiB by clients and 2MiB from other nodes since it started: 6MiB (1.50 times as much) to"
            + " cache devices, 1MiB (0.25 times as much) to capacity devices",
        bytes.line());
  }

  @Test
  void nodeThatWasGivenNothingHasNoFactors() {
    WrittenBytes bytes = WrittenBytes.ofPage("");
    assertTrue(bytes.json().path("cacheFactor").isNull());
    assertTrue(bytes.line().endsWith("0B to cache devices, 0B to capacity devices"), bytes.line());
  }
}
