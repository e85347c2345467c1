package io.cairn.bench.plot;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleUnaryOperator;

/** A drawing of lines over two axes, as SVG. Whoever makes it chooses scales and marks. */
public final class Plot {
  /** Width of the drawing; what others draw below it stands under the same marks. */
  public static final int WIDTH = 900;

  private static final int HEIGHT = 480;

  /** Room left of the axes. */
  public static final int LEFT = 80;

  /** Room right of the axes, for the names of the lines. */
  public static final int RIGHT = 180;

  private static final int TOP = 62;
  private static final int BOTTOM = 52;
  private static final List<String> COLOURS =
      List.of("#2a7f3a", "#c2571a", "#3465a4", "#8a3ba0", "#7a6a00", "#b01030", "#008a8a");

  /**
   * One axis.
   *
   * @param scale where a value lies, in any unit; the lowest and the highest mark are its ends.
   * @param marks values with a line and a number; at least two, ascending.
   */
  public record Axis(String title, DoubleUnaryOperator scale, List<Mark> marks) {
    private double share(double value) {
      double low = scale.applyAsDouble(marks.getFirst().value());
      double high = scale.applyAsDouble(marks.getLast().value());
      double share = (scale.applyAsDouble(value) - low) / (high - low);
      return Math.min(1, Math.max(0, share));
    }
  }

  /** A value on an axis and its text. */
  public record Mark(double value, String text) {}

  /** A line; a point is x and y. */
  public record Line(String name, List<double[]> points) {}

  private final String title;
  private final String subtitle;
  private final Axis x;
  private final Axis y;
  private final List<Line> lines;

  /** A drawing; the subtitle is small print. */
  public Plot(String title, String subtitle, Axis x, Axis y, List<Line> lines) {
    this.title = title;
    this.subtitle = subtitle;
    this.x = x;
    this.y = y;
    this.lines = List.copyOf(lines);
  }

  /** Powers of a base from one that is not above the lowest value to one not below the highest. */
  public static List<Mark> powers(int base, double lowest, double highest) {
    List<Mark> marks = new ArrayList<>();
    double value = Math.pow(base, Math.floor(Math.log(lowest) / Math.log(base) + 1e-9));
    while (marks.size() < 2 || marks.getLast().value() < highest) {
      marks.add(new Mark(value, number(value)));
      value *= base;
    }
    return marks;
  }

  /** From zero, five to ten round steps. */
  public static List<Mark> steps(double highest) {
    double step = Math.pow(10, Math.floor(Math.log10(Math.max(highest, 1e-6))));
    while (highest / step > 10) {
      step *= 2;
    }
    while (highest / step < 5) {
      step /= 2;
    }
    List<Mark> marks = new ArrayList<>();
    for (int i = 0; marks.size() < 2 || marks.getLast().value() < highest; i++) {
      marks.add(new Mark(i * step, number(i * step)));
    }
    return marks;
  }

  private static String number(double value) {
    return value == Math.rint(value)
        ? String.format(Locale.ROOT, "%,.0f", value)
        : String.format(Locale.ROOT, "%.3g", value);
  }

  /** The drawing. */
  public String draw() {
    StringBuilder svg = new StringBuilder();
    add(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\""
            + " font-size=\"12\">",
        WIDTH,
        HEIGHT);
    add(svg, "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>");
    add(svg, "<text x=\"%d\" y=\"24\" font-size=\"16\">%s</text>", LEFT, Svg.escaped(title));
    add(
        svg,
        "<text x=\"%d\" y=\"44\" font-size=\"10\" fill=\"#666\">%s</text>",
        LEFT,
        Svg.escaped(subtitle));
    axes(svg);
    for (int i = 0; i < lines.size(); i++) {
      line(svg, lines.get(i), COLOURS.get(i % COLOURS.size()), i);
    }
    return svg.append("</svg>\n").toString();
  }

  private void axes(StringBuilder svg) {
    int right = WIDTH - RIGHT;
    int bottom = HEIGHT - BOTTOM;
    for (Mark mark : x.marks()) {
      double at = xOf(mark.value());
      add(
          svg,
          "<path d=\"M%.1f %dV%d\" stroke=\"#ddd\"/><text x=\"%.1f\" y=\"%d\""
              + " text-anchor=\"middle\">%s</text>",
          at,
          TOP,
          bottom,
          at,
          bottom + 16,
          Svg.escaped(mark.text()));
    }
    for (Mark mark : y.marks()) {
      double at = yOf(mark.value());
      add(
          svg,
          "<path d=\"M%d %.1fH%d\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%.1f\""
              + " text-anchor=\"end\">%s</text>",
          LEFT,
          at,
          right,
          LEFT - 6,
          at + 4,
          Svg.escaped(mark.text()));
    }
    add(
        svg,
        "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>",
        (LEFT + right) / 2,
        HEIGHT - 12,
        Svg.escaped(x.title()));
    add(
        svg,
        "<text transform=\"translate(16 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>",
        (TOP + bottom) / 2,
        Svg.escaped(y.title()));
  }

  private void line(StringBuilder svg, Line line, String colour, int place) {
    StringBuilder points = new StringBuilder();
    for (double[] point : line.points()) {
      points.append(String.format(Locale.ROOT, "%.1f,%.1f ", xOf(point[0]), yOf(point[1])));
    }
    add(
        svg,
        "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"%s\"/>",
        points.toString().strip(),
        colour,
        place == 0 ? "2.5" : "1.5");
    int at = TOP + 14 + place * 20;
    int left = WIDTH - RIGHT + 14;
    add(
        svg,
        "<path d=\"M%d %dh22\" stroke=\"%s\" stroke-width=\"3\"/><text x=\"%d\" y=\"%d\">%s</text>",
        left,
        at - 4,
        colour,
        left + 28,
        at,
        Svg.escaped(line.name()));
  }

  private double xOf(double value) {
    return LEFT + x.share(value) * (WIDTH - RIGHT - LEFT);
  }

  private double yOf(double value) {
    return HEIGHT - BOTTOM - y.share(value) * (HEIGHT - BOTTOM - TOP);
  }

  private static void add(StringBuilder svg, String format, Object... arguments) {
    svg.append(String.format(Locale.ROOT, format, arguments)).append('\n');
  }
}
