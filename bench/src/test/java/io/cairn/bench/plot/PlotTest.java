package io.cairn.bench.plot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;

class PlotTest {
  @Test
  void marksEncloseTheValues() {
    assertEquals(
        List.of(10.0, 100.0, 1000.0),
        Plot.powers(10, 36, 900).stream().map(Plot.Mark::value).toList());
    assertEquals(
        List.of(0.0, 10_000.0, 20_000.0, 30_000.0, 40_000.0, 50_000.0, 60_000.0),
        Plot.steps(53_000).stream().map(Plot.Mark::value).toList());
    assertEquals(7, Plot.powers(2, 1, 64).size());
  }

  @Test
  void aLineGoesFromCornerToCorner() {
    Plot.Axis axis = new Plot.Axis("t", DoubleUnaryOperator.identity(), Plot.steps(10));
    String svg =
        new Plot(
                "a < b",
                "when",
                axis,
                axis,
                List.of(new Plot.Line("x", List.of(new double[] {0, 0}, new double[] {10, 10}))))
            .draw();
    assertTrue(svg.contains("points=\"80.0,428.0 720.0,62.0\""), svg);
    assertTrue(svg.contains("a &lt; b"), svg);
  }
}
