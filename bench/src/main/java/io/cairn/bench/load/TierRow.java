package io.cairn.bench.load;

import io.cairn.client.cli.CommandFailure;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** What is tried on a slow capacity tier. */
enum TierRow {
  /** What is read again and again, and what a scan of everything costs it. */
  ZIPF(true),
  /** Overwrites of blocks that the journal holds. */
  HOT(false),
  /** As many writes as the journal takes without anybody's hurry, and a pause. */
  BURST(true),
  /** More writes than the tier takes. */
  SUSTAINED(true),
  /** Readers that go on where they stopped, and one that does not. */
  SEQUENTIAL(true),
  /** A hot volume beside one that reads everything. */
  SHARES(false),
  /** Overwrites of a volume whose blocks leave the journal at once; the last one, as it stays. */
  THROUGH(false);

  static final String SYNTAX = "zipf, hot, burst, sustained, sequential, shares, through";

  /** Whether it says nothing without the same on a fast tier. */
  final boolean compares;

  TierRow(boolean compares) {
    this.compares = compares;
  }

  private String argument() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Those that are named, in the order in which they are run; all of them when none is. */
  static Set<TierRow> parse(List<String> names) {
    Set<TierRow> rows = new LinkedHashSet<>(List.of(values()));
    if (names != null) {
      for (String name : names) {
        if (rows.stream().noneMatch(row -> row.argument().equals(name))) {
          throw new CommandFailure("--tier-rows: '" + name + "' is none of " + SYNTAX);
        }
      }
      rows.removeIf(row -> !names.contains(row.argument()));
    }
    return rows;
  }
}
