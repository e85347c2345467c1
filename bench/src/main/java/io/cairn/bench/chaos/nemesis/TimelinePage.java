package io.cairn.bench.chaos.nemesis;

import io.cairn.bench.plot.Plot;
import io.cairn.bench.plot.Svg;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleUnaryOperator;
import java.util.function.ToDoubleFunction;

/** The report of a run as one page without anything from elsewhere. */
final class TimelinePage {
  private static final int LANE_HEIGHT = 20;

  private final Timeline timeline;
  private final List<Fault> faults;
  private final List<Kubelet.Unready> unready;
  private final NemesisRun.Settings settings;
  private final String violation;

  /**
   * A page.
   *
   * @param unready when which server was not ready.
   * @param violation what was wrong; null when nothing was.
   */
  TimelinePage(
      Timeline timeline,
      List<Fault> faults,
      List<Kubelet.Unready> unready,
      NemesisRun.Settings settings,
      String violation) {
    this.timeline = timeline;
    this.faults = faults;
    this.unready = unready;
    this.settings = settings;
    this.violation = violation;
  }

  String html() {
    String outcome =
        violation == null
            ? "<p>Nothing was wrong.</p>\n"
            : "<pre style=\"color:#b00020\">" + Svg.escaped(violation) + "</pre>\n";
    return "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Faults</title>\n"
        + "<body style=\"font-family:sans-serif;max-width:900px;margin:auto\">\n<h1>"
        + Svg.escaped(title())
        + "</h1>\n"
        + outcome
        + plot("Requests answered per second", "requests/s", Timeline.Second::rate)
        + plot("p99 of the requests answered", "ms", Timeline.Second::p99Millis)
        + plot("Time since the last answer", "s", Timeline.Second::silentSeconds)
        + lanes(faults.stream().map(this::bar).toList(), "#b01030")
        + "<h2>Not ready</h2>\n"
        + lanes(unready.stream().map(this::bar).toList(), "#c08000")
        + list()
        + "</body></html>\n";
  }

  private String title() {
    return String.format(
        Locale.ROOT,
        "%d faults in %.0f s, seed %d",
        faults.size(),
        timeline.length(),
        settings.seed());
  }

  private String plot(String title, String unit, ToDoubleFunction<Timeline.Second> value) {
    List<Plot.Line> lines = new ArrayList<>();
    double highest = 1e-3;
    for (int i = 0; i < timeline.volumes().size(); i++) {
      List<double[]> points = new ArrayList<>();
      for (Timeline.Second second : timeline.of(i)) {
        points.add(new double[] {second.atSeconds(), value.applyAsDouble(second)});
        highest = Math.max(highest, value.applyAsDouble(second));
      }
      lines.add(new Plot.Line(timeline.volumes().get(i), points));
    }
    return new Plot(
            title,
            "one client per volume",
            time(),
            new Plot.Axis(unit, DoubleUnaryOperator.identity(), Plot.steps(highest)),
            lines)
        .draw();
  }

  private Plot.Axis time() {
    return new Plot.Axis("seconds", DoubleUnaryOperator.identity(), Plot.steps(timeline.length()));
  }

  /** A time of one lane, in seconds since the begin of the run. */
  private record Bar(String lane, double begin, double end) {}

  private Bar bar(Fault fault) {
    return bar(fault.text(), fault.beginNanos(), fault.endNanos());
  }

  private Bar bar(Kubelet.Unready time) {
    return bar(time.server(), time.beginNanos(), time.endNanos());
  }

  private Bar bar(String lane, long beginNanos, long endNanos) {
    double end = endNanos == Long.MAX_VALUE ? timeline.length() : timeline.at(endNanos);
    return new Bar(lane, Math.max(0, timeline.at(beginNanos)), end);
  }

  /** A bar for each time, a lane for each name, under the same seconds as the plots. */
  private String lanes(List<Bar> bars, String color) {
    List<String> names = bars.stream().map(Bar::lane).distinct().sorted().toList();
    double last = time().marks().getLast().value();
    StringBuilder svg = new StringBuilder();
    svg.append(
        String.format(
            Locale.ROOT,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\""
                + " font-family=\"sans-serif\" font-size=\"11\">\n",
            Plot.WIDTH,
            names.size() * LANE_HEIGHT + 10));
    double scale = (Plot.WIDTH - Plot.LEFT - Plot.RIGHT) / last;
    for (Bar bar : bars) {
      if (bar.end() > 0) {
        svg.append(
            String.format(
                Locale.ROOT,
                "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n",
                Plot.LEFT + bar.begin() * scale,
                names.indexOf(bar.lane()) * LANE_HEIGHT + 4,
                Math.max(1, (bar.end() - bar.begin()) * scale),
                LANE_HEIGHT - 6,
                color));
      }
    }
    for (int i = 0; i < names.size(); i++) {
      svg.append(
          String.format(
              Locale.ROOT,
              "<path d=\"M%d %dH%d\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%d\">%s</text>\n",
              Plot.LEFT,
              (i + 1) * LANE_HEIGHT + 1,
              Plot.WIDTH - Plot.RIGHT,
              Plot.WIDTH - Plot.RIGHT + 6,
              i * LANE_HEIGHT + 16,
              Svg.escaped(names.get(i))));
    }
    return svg.append("</svg>\n").toString();
  }

  private String list() {
    StringBuilder rows = new StringBuilder();
    rows.append(
        "<table cellpadding=\"4\"><tr><th>begin, s<th>end, s<th>fault<th>longest silence,"
            + " s</tr>\n");
    for (Fault fault : faults) {
      boolean over = fault.endNanos() != Long.MAX_VALUE;
      rows.append(
          String.format(
              Locale.ROOT,
              "<tr><td>%.1f<td>%s<td>%s<td>%.2f</tr>\n",
              timeline.at(fault.beginNanos()),
              over ? String.format(Locale.ROOT, "%.1f", timeline.at(fault.endNanos())) : "",
              Svg.escaped(fault.text()),
              fault.worstSilenceSeconds()));
    }
    return rows.append("</table>\n").toString();
  }
}
