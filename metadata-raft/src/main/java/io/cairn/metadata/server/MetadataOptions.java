package io.cairn.metadata.server;

import io.cairn.metadata.options.Address;
import io.cairn.metadata.options.Option;
import io.cairn.metadata.options.OptionSet;
import io.cairn.metadata.options.OptionType;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** The options of a metadata server. */
public final class MetadataOptions {
  /** All servers of the group. */
  public static final Option<List<Address>> GROUP =
      Option.required(
              "metadata.group",
              OptionType.addresses(),
              "All servers of the metadata group, this one too: an odd number, 3 as a rule.")
          .clusterWide();

  /** Where the others find this server. */
  public static final Option<Address> ADDRESS =
      Option.required(
          "metadata.address",
          OptionType.address(),
          "Where the other servers and the clients find this server: one of `metadata.group`.");

  /** The host to bind. */
  public static final Option<Optional<String>> LISTEN_HOST =
      Option.optional(
          "metadata.listen.host",
          OptionType.text(253),
          "Host or address to bind, with the port of `metadata.address`; that one's host unless"
              + " given, `0.0.0.0` for all.");

  /** The operator's HTTP surface. */
  public static final Option<Address> HTTP_ADDRESS =
      Option.required(
          "http.address",
          OptionType.listenAddress(),
          "Where `/metrics`, `/healthz`, `/readyz` and the console are served. Nobody is asked"
              + " who he is before he looks: listen where only operators can reach.");

  /** Whether the console changes anything. */
  public static final Option<Boolean> CONSOLE_CHANGES =
      Option.of(
          "console.changes",
          OptionType.flag(),
          "false",
          "Whether volumes can be made, grown and deleted and nodes drained on the console's page;"
              + " else it only shows.");

  /** What a change on the console must bring along. */
  public static final Option<Optional<Path>> CONSOLE_TOKEN_FILE =
      Option.optional(
          "console.token.file",
          OptionType.path(),
          "A file with the token, 16 to 1024 characters, that every change on the console's page"
              + " must bring along; it is read for each of them, and nothing is changed while it"
              + " is not there. None unless given: whoever reaches the page may change what"
              + " `console.changes` permits, as whoever reaches the metadata servers' own port can"
              + " by the command line.");

  /** Where the server keeps its log and state. */
  public static final Option<Path> DATA_DIRECTORY =
      Option.required(
          "data.directory", OptionType.path(), "Where the server keeps its log and its state.");

  /** How long a leader may be silent. */
  public static final Option<Duration> ELECTION_TIMEOUT =
      Option.of(
              "election.timeout",
              OptionType.duration(Duration.ofMillis(300), Duration.ofMinutes(1)),
              "900ms",
              "Shortest silence of the leader after which another server may take its place; the"
                  + " longest is 1.4 times as much. The leader gives a sign of life twice in it.")
          .clusterWide();

  /** How long a storage node may be away. */
  public static final Option<Duration> NODE_AWAY_GRACE =
      Option.of(
              "node.away.grace",
              OptionType.duration(Duration.ofSeconds(10), Duration.ofDays(7)),
              "10m",
              "How long a storage node may be silent, or a shard of one out of service because of a"
                  + " device, before its replicas are placed anew on other nodes. A leader counts"
                  + " from when it began to lead.")
          .clusterWide();

  /** Whether replicas are moved so that nodes are filled evenly. */
  public static final Option<Boolean> REBALANCE =
      Option.of(
              "rebalance",
              OptionType.flag(),
              "true",
              "Whether replicas are moved by themselves, a few at a time, while nothing is to be"
                  + " repaired: to nodes that hold less than their share of what is stored, and to"
                  + " other zones, racks and hosts where a chunk has two in one.")
          .clusterWide();

  /** All of them. */
  public static final OptionSet SET =
      OptionSet.of(
          "metadata",
          GROUP,
          ADDRESS,
          LISTEN_HOST,
          HTTP_ADDRESS,
          CONSOLE_CHANGES,
          CONSOLE_TOKEN_FILE,
          DATA_DIRECTORY,
          ELECTION_TIMEOUT,
          NODE_AWAY_GRACE,
          REBALANCE);

  private MetadataOptions() {}
}
