package io.cairn.client.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/** Rows of text in aligned columns, two spaces apart. Numbers and sizes stand to the right. */
final class Table {
  private final List<String> titles;
  private final List<List<String>> rows = new ArrayList<>();

  /** A title that begins with '>' makes a column that is aligned to the right. */
  Table(String... titles) {
    this.titles = List.of(titles);
  }

  /** Adds a row; null cells are printed as '-'. */
  void row(Object... cells) {
    if (cells.length != titles.size()) {
      throw new IllegalArgumentException(cells.length + " cells for " + titles.size() + " columns");
    }
    List<String> row = new ArrayList<>();
    for (Object cell : cells) {
      row.add(cell == null || cell.toString().isEmpty() ? "-" : cell.toString());
    }
    rows.add(row);
  }

  void print(PrintWriter out) {
    List<String> names = titles.stream().map(t -> t.startsWith(">") ? t.substring(1) : t).toList();
    int[] widths = new int[titles.size()];
    for (int column = 0; column < widths.length; column++) {
      widths[column] = names.get(column).length();
      for (List<String> row : rows) {
        widths[column] = Math.max(widths[column], row.get(column).length());
      }
    }
    printRow(out, names, widths);
    rows.forEach(row -> printRow(out, row, widths));
  }

  private void printRow(PrintWriter out, List<String> cells, int[] widths) {
    StringBuilder line = new StringBuilder();
    for (int column = 0; column < widths.length; column++) {
      String padding = " ".repeat(widths[column] - cells.get(column).length());
      boolean right = titles.get(column).startsWith(">");
      line.append(column == 0 ? "" : "  ");
      line.append(right ? padding + cells.get(column) : cells.get(column) + padding);
    }
    out.println(line.toString().stripTrailing());
  }
}
