package io.cairn.bench.load;

import io.cairn.bench.chaos.Member;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The profiles of a run: one of each row, or of each point of a scale. */
final class Profiles {
  private static final int TOP_FRAMES = 20;

  private record Profile(String title, Stacks stacks) {}

  private final Map<String, Profile> taken = new LinkedHashMap<>();
  private final Path directory;
  private final Path work;

  /**
   * None yet.
   *
   * @param directory where they are written; null for a run without profiles.
   * @param work a directory for what is in between.
   */
  Profiles(Path directory, Path work) {
    this.directory = directory;
    this.work = work;
  }

  /**
   * Takes one during each measurement of ours.
   *
   * @param scale words before the name of the target, where that is a point of a scale; or empty.
   */
  Matrix.Around around(String scale) throws IOException {
    if (directory == null) {
      return (row, target, measurement) -> measurement.get();
    }
    Files.createDirectories(directory);
    Profiler profiler = Profiler.unpack(work);
    return (row, target, measurement) -> {
      List<Member> members = target.profiled();
      if (members.isEmpty()) {
        return measurement.get();
      }
      profiler.start(members);
      Sample sample = measurement.get();
      Stacks stacks = stacks(row, scale.isEmpty() ? "" : scale + target.name());
      profiler
          .stop(members, work)
          .forEach((member, its) -> stacks.addBelow(member.replaceFirst("-\\d+$", ""), its));
      return sample;
    };
  }

  private Stacks stacks(Row row, String point) {
    String name = point.isEmpty() ? row.name() : row.name() + "-" + point.replace(' ', '-');
    String title = point.isEmpty() ? row.title() : row.title() + ", " + point;
    return taken.computeIfAbsent(name, n -> new Profile(title, new Stacks())).stacks;
  }

  /** Writes a flame graph and the largest costs of each. */
  void write() throws IOException {
    for (Map.Entry<String, Profile> entry : taken.entrySet()) {
      Stacks stacks = entry.getValue().stacks;
      String title = entry.getValue().title + ": gateway and storage nodes";
      Files.writeString(directory.resolve(entry.getKey() + ".svg"), FlameGraph.draw(title, stacks));
      Files.writeString(
          directory.resolve(entry.getKey() + ".txt"),
          title + System.lineSeparator() + stacks.text(TOP_FRAMES));
    }
  }
}
