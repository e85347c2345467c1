package io.cairn.bench.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RowTest {
  @Test
  void theDefaultRowsAreRows() {
    assertEquals(Row.DEFAULT, Row.DEFAULT.stream().map(Row::parse).map(Row::name).toList());
  }

  @Test
  void aNameSaysWhatFioDoes() {
    Row row = Row.parse("paced-randrw70-128k-qd64");
    assertEquals(Row.Form.PACED, row.form());
    assertEquals(64, row.depth());
    assertEquals(
        List.of("--name=paced-randrw70-128k-qd64", "--bs=131072", "--rw=randrw", "--rwmixread=70"),
        row.fioArguments());
    assertEquals(70, row.readPercent());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "randwrite", "randwrite-4k-qd0", "randwrite-1k-qd1", "write-64m-qd1"})
  void whatIsNoRowIsRefused(String name) {
    assertThrows(IllegalArgumentException.class, () -> Row.parse(name));
  }

  @Test
  void plotsAddTheDepthsOfRandomRowsOnly() {
    List<Row> rows = List.of(Row.parse("randread-4k-qd32"), Row.parse("read-1m-qd8"));
    List<Row> all = Plots.withDepths(rows);
    assertEquals(Plots.DEPTHS.size() + 1, all.size());
    assertTrue(all.contains(Row.parse("randread-4k-qd64")));
  }
}
