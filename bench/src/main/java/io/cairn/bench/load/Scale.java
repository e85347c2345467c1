package io.cairn.bench.load;

import java.util.List;

/** What there may be more and more of, while what is asked for stays the same. */
enum Scale {
  /** Chunks in use, of one volume; always the same number of blocks, spread over them. */
  CHUNKS("chunks in use", 3, List.of(1, 16, 256, 4_096, 16_384, 65_536, 131_072), List.of(1, 256)),
  /** Volumes attached to one gateway, each with a client; requests go to all of them. */
  VOLUMES("volumes attached", 3, List.of(1, 10, 100, 300, 1_000), List.of(1, 4)),
  /** Clients of one volume; together they have the same number of requests in flight. */
  CLIENTS("clients of one volume", 3, List.of(1, 2, 4, 8, 16, 32, 64), List.of(1, 8)),
  /** Copies of each chunk, on five nodes. */
  REPLICAS("replicas", 5, List.of(1, 2, 3, 4, 5), List.of(1, 5));

  /** What is measured at each point. */
  static final List<Row> ROWS =
      List.of(Row.parse("randwrite-4k-qd32"), Row.parse("randread-4k-qd32"));

  /** The same with as many in flight as there are clients at most. */
  static final List<Row> CLIENT_ROWS =
      List.of(Row.parse("randwrite-4k-qd64"), Row.parse("randread-4k-qd64"));

  private final String title;
  private final int nodeCount;
  private final List<Integer> points;
  private final List<Integer> shortPoints;

  Scale(String title, int nodeCount, List<Integer> points, List<Integer> shortPoints) {
    this.title = title;
    this.nodeCount = nodeCount;
    this.points = points;
    this.shortPoints = shortPoints;
  }

  /** What is counted. */
  String title() {
    return title;
  }

  /** Storage nodes that it takes. */
  int nodeCount() {
    return nodeCount;
  }

  /** How many of it, ascending; the short form has less. */
  List<Integer> points(boolean shortForm) {
    return shortForm ? shortPoints : points;
  }

  /** The rows of each point. */
  List<Row> rows() {
    return this == CLIENTS ? CLIENT_ROWS : ROWS;
  }
}
