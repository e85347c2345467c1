package io.cairn.bench.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

class KillTableTest {
  @Test
  void percentileIsTheSmallestValueThatSoManyPercentDoNotExceed() {
    assertEquals(7, KillTable.percentile(List.of(7.0), 50));
    assertEquals(1, KillTable.percentile(List.of(2.0, 1.0), 50));
    assertEquals(2, KillTable.percentile(List.of(2.0, 1.0), 99));
    List<Double> hundredTwo = DoubleStream.iterate(102, v -> v - 1).limit(102).boxed().toList();
    assertEquals(51, KillTable.percentile(hundredTwo, 50));
    assertEquals(101, KillTable.percentile(hundredTwo, 99));
    assertEquals(102, KillTable.percentile(hundredTwo, 100));
  }
}
