package io.cairn.client.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ReadCacheUseTest {
  private static final String PAGE =
      """
      # HELP cairn_storage_read_cache_volume_hit_blocks_total Blocks.
      cairn_storage_read_cache_volume_hit_blocks_total{shard="0",volume="(others)"} 1000.0
      cairn_storage_read_cache_volume_hit_blocks_total{shard="0",volume="data"} 30.0
      cairn_storage_read_cache_volume_hit_blocks_total{shard="1",volume="data"} 60.0
      cairn_storage_read_cache_volume_hit_blocks_total{shard="1",volume="data2"} 7.0
      cairn_storage_read_cache_volume_missed_blocks_total{shard="0",volume="data"} 10.0
      cairn_storage_read_cache_volume_blocks{shard="0",volume="data"} 5.0
      cairn_storage_read_cache_hit_blocks_total{shard="0"} 1097.0
      """;

  @Test
  void pageIsSummedUpOverTheShardsForOneVolume() {
    ReadCacheUse use = ReadCacheUse.ofPage("data", PAGE);
    assertEquals(new ReadCacheUse(90, 10, 5, 1, 0), use);
    assertEquals(
        "90.0 % hits of 100 blocks read since the nodes started, 5 blocks cached", use.line());
    assertEquals(0.9, use.json().path("hitRatio").asDouble());
  }

  @Test
  void volumeThatNobodyReadHasNoRatio() {
    ReadCacheUse use = ReadCacheUse.ofPage("new", PAGE);
    assertEquals("0 blocks read since the nodes started, 0 blocks cached", use.line());
    assertTrue(use.json().path("hitRatio").isNull());
  }

  @Test
  void nodesThatDoNotAnswerAreNamed() {
    assertTrue(
        new ReadCacheUse(1, 0, 0, 2, 1).line().endsWith("without 1 nodes that did not answer"));
  }
}
