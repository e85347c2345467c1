package io.cairn.bench.load;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One line of the matrix: what the client does.
 *
 * @param name as {@link #parse} reads it.
 * @param form how requests come.
 * @param pattern fio's word for it, or "randrw70" for 70 % reads.
 * @param blockBytes of each request.
 * @param depth requests in flight; of a paced row the most that there may be.
 */
record Row(String name, Form form, String pattern, int blockBytes, int depth) {
  /** How requests come. */
  enum Form {
    /** The next request begins when one has ended, so that {@code depth} are in flight. */
    CLOSED,
    /** As CLOSED, and each write is durable before it is answered. */
    ALWAYS,
    /** Requests begin at random times at a given rate, however long the others take. */
    PACED
  }

  /** What is measured unless somebody asks for something else. */
  static final List<String> DEFAULT =
      List.of(
          "randwrite-4k-qd1",
          "randwrite-4k-qd32",
          "randread-4k-qd1",
          "randread-4k-qd32",
          "randrw70-4k-qd16",
          "randwrite-128k-qd8",
          "randread-128k-qd8",
          "write-1m-qd8",
          "read-1m-qd8",
          "always-randwrite-4k-qd1",
          "always-randwrite-4k-qd32",
          "paced-randwrite-4k-qd64",
          "paced-randread-4k-qd64");

  /** The same by iSCSI. */
  static final List<String> ISCSI =
      List.of(
          "randwrite-4k-qd1",
          "randwrite-4k-qd32",
          "randread-4k-qd1",
          "randread-4k-qd32",
          "write-1m-qd8",
          "read-1m-qd8");

  /** What a row's name looks like, for messages. */
  static final String SYNTAX =
      "[always-|paced-]randwrite|randread|randrw70|write|read-SIZE-qdDEPTH, like randwrite-4k-qd32";

  private static final Pattern NAME =
      Pattern.compile(
          "(always-|paced-)?(randwrite|randread|randrw70|write|read)-(\\d{1,4})([km])-qd(\\d{1,4})");

  private static final int BLOCK_BYTES_MAX = 32 << 20;

  /**
   * Reads a name.
   *
   * @throws IllegalArgumentException when it is none.
   */
  static Row parse(String name) {
    Matcher matcher = NAME.matcher(name);
    if (!matcher.matches()) {
      throw new IllegalArgumentException("'" + name + "' is no row; a row is " + SYNTAX);
    }
    int blockBytes = Integer.parseInt(matcher.group(3)) << ("k".equals(matcher.group(4)) ? 10 : 20);
    int depth = Integer.parseInt(matcher.group(5));
    if (blockBytes < 4096 || blockBytes > BLOCK_BYTES_MAX || depth < 1) {
      throw new IllegalArgumentException("'" + name + "': from 4k to 32m, and a depth from 1");
    }
    Form form =
        switch (matcher.group(1)) {
          case "always-" -> Form.ALWAYS;
          case "paced-" -> Form.PACED;
          case null, default -> Form.CLOSED;
        };
    return new Row(name, form, matcher.group(2), blockBytes, depth);
  }

  /** The share of reads in percent. */
  int readPercent() {
    return switch (pattern) {
      case "randrw70" -> 70;
      case "randread", "read" -> 100;
      default -> 0;
    };
  }

  boolean random() {
    return pattern.startsWith("rand");
  }

  /** What it does, as arguments of fio, which knows no PACED; without depth, time and place. */
  List<String> fioArguments() {
    List<String> arguments = new ArrayList<>();
    arguments.add("--name=" + name);
    arguments.add("--bs=" + blockBytes);
    if ("randrw70".equals(pattern)) {
      arguments.add("--rw=randrw");
      arguments.add("--rwmixread=70");
    } else {
      arguments.add("--rw=" + pattern);
    }
    return arguments;
  }

  /** For people. */
  String title() {
    String size =
        blockBytes % (1 << 20) == 0 ? (blockBytes >> 20) + " MiB" : (blockBytes >> 10) + " KiB";
    String what = "randrw70".equals(pattern) ? "70 % randread" : pattern;
    return String.format(
        Locale.ROOT,
        "%s %s, %s%s",
        size,
        what,
        form == Form.PACED ? "paced" : "depth " + depth,
        form == Form.ALWAYS ? ", each durable" : "");
  }
}
