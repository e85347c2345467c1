package io.cairn.bench.load;

import io.cairn.bench.plot.Svg;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * A flame graph as SVG: the width of a frame is its share of the samples, callers are below, and a
 * frame's own text says what a narrow one cannot show.
 */
final class FlameGraph {
  private static final int WIDTH = 1200;
  private static final int ROW_HEIGHT = 16;
  private static final int HEAD_HEIGHT = 28;
  private static final double NARROWEST = 1;
  private static final double CHARACTER_WIDTH = 6.3;

  /** All, process, thread. */
  private static final int FRAMES_OF_PLACE = 2;

  private FlameGraph() {}

  /** A frame with what it called. */
  private static final class Node {
    final Map<String, Node> called = new TreeMap<>();
    long samples;

    int height() {
      int highest = 0;
      for (Node node : called.values()) {
        highest = Math.max(highest, node.height());
      }
      return highest + 1;
    }
  }

  /** Draws stacks under a title. */
  static String draw(String title, Stacks stacks) {
    Node root = new Node();
    stacks
        .counts()
        .forEach(
            (stack, count) -> {
              Node node = root;
              node.samples += count;
              for (String frame : stack.split(";")) {
                node = node.called.computeIfAbsent(frame, f -> new Node());
                node.samples += count;
              }
            });
    prune(root, Math.max(1, (long) (root.samples * NARROWEST / WIDTH)));
    int height = HEAD_HEIGHT + root.height() * ROW_HEIGHT;
    StringBuilder svg = new StringBuilder(1 << 16);
    svg.append(
        String.format(
            Locale.ROOT,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\""
                + " font-family=\"monospace\" font-size=\"10.5\">%n<rect width=\"100%%\""
                + " height=\"100%%\" fill=\"#fff\"/>%n<text x=\"6\" y=\"18\""
                + " font-size=\"13\">%s</text>%n",
            WIDTH,
            height,
            Svg.escaped(title)));
    double scale = (double) WIDTH / Math.max(1, root.samples);
    draw(svg, root, "all", 0, height - ROW_HEIGHT, 0, scale, root.samples);
    return svg.append("</svg>\n").toString();
  }

  private static void prune(Node node, long fewest) {
    node.called.values().removeIf(called -> called.samples < fewest);
    node.called.values().forEach(called -> prune(called, fewest));
  }

  private static void draw(
      StringBuilder svg,
      Node node,
      String frame,
      double x,
      int y,
      int depth,
      double scale,
      long total) {
    double width = node.samples * scale;
    String name = Stacks.plain(frame);
    svg.append(
        String.format(
            Locale.ROOT,
            "<g><title>%s: %.2f %%</title><rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\""
                + " fill=\"%s\"/>",
            Svg.escaped(name),
            100.0 * node.samples / Math.max(1, total),
            x,
            y,
            Math.max(0.3, width - 0.3),
            ROW_HEIGHT - 1,
            colour(frame, depth)));
    int fits = (int) ((width - 4) / CHARACTER_WIDTH);
    if (fits >= 3) {
      svg.append(
          String.format(
              Locale.ROOT,
              "<text x=\"%.1f\" y=\"%d\">%s</text>",
              x + 2,
              y + 11,
              Svg.escaped(shortened(name, fits))));
    }
    svg.append("</g>\n");
    double at = x;
    for (Map.Entry<String, Node> called : node.called.entrySet()) {
      draw(svg, called.getValue(), called.getKey(), at, y - ROW_HEIGHT, depth + 1, scale, total);
      at += called.getValue().samples * scale;
    }
  }

  private static String shortened(String name, int fits) {
    String method = name.substring(name.lastIndexOf('/') + 1);
    return method.length() <= fits ? method : method.substring(0, fits - 1) + "…";
  }

  /**
   * Ours green, other Java lighter, the kernel orange, native code and the JVM red, places grey.
   */
  private static String colour(String frame, int depth) {
    if (frame.endsWith("_[k]")) {
      return "#f0a35e";
    }
    if (frame.startsWith("io/cairn/")) {
      return "#6fbf5f";
    }
    if (frame.endsWith("_[j]")) {
      return "#b7dfae";
    }
    return depth <= FRAMES_OF_PLACE ? "#cccccc" : "#e58b7b";
  }
}
