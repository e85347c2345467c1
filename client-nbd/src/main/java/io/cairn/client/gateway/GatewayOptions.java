package io.cairn.client.gateway;

import io.cairn.metadata.options.Address;
import io.cairn.metadata.options.Option;
import io.cairn.metadata.options.OptionSet;
import io.cairn.metadata.options.OptionType;
import io.cairn.storage.transport.LoopOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** What a gateway can be told. */
public final class GatewayOptions {
  /** Where the metadata servers are. */
  public static final Option<List<Address>> METADATA_ADDRESSES =
      Option.required(
          "metadata.addresses",
          OptionType.addresses(),
          "Raft addresses of all metadata servers of the cluster.");

  /** Where NBD clients connect. */
  public static final Option<Address> NBD_ADDRESS =
      Option.of(
          "nbd.address",
          OptionType.listenAddress(),
          "127.0.0.1:10809",
          "Where NBD clients connect. NBD has no passwords: listen where only clients can reach.");

  /** The Unix socket for NBD clients. */
  public static final Option<Optional<Path>> NBD_SOCKET =
      Option.optional(
          "nbd.socket",
          OptionType.path(),
          "A Unix socket on which NBD clients are served as well; none by default.");

  /** The export that the empty name means. */
  public static final Option<Optional<String>> NBD_EXPORT =
      Option.optional(
          "nbd.export",
          OptionType.text(127),
          "The volume that a client gets who names none; by default the only one there is.");

  /** Where iSCSI initiators connect. */
  public static final Option<Optional<Address>> ISCSI_ADDRESS =
      Option.optional(
          "iscsi.address",
          OptionType.listenAddress(),
          "Where iSCSI initiators connect, usually port 3260; none by default.");

  /** Where initiators are told to connect. */
  public static final Option<Optional<Address>> ISCSI_PORTAL =
      Option.optional(
          "iscsi.portal",
          OptionType.address(),
          "HOST:PORT that discovery through other gateways names for this one; by default where it"
              + " listens, with the host's name where that is every address.");

  /** What targets are called unless said: RFC 7143 section 4.2.7.3.1. */
  public static final String ISCSI_NAME_DEFAULT = "iqn.2026-11.io.cairn";

  /** What targets are called. */
  public static final Option<String> ISCSI_NAME =
      Option.of(
          "iscsi.name",
          OptionType.text(90),
          ISCSI_NAME_DEFAULT,
          "iSCSI name before the targets' own: a volume is the target NAME:VOLUME, LUN 0.");

  /** How long a logical block is. */
  public static final Option<Long> ISCSI_BLOCK_SIZE =
      Option.of(
          "iscsi.block.size",
          OptionType.eitherSize(512, 4096),
          "512B",
          "Logical block length of all LUNs; initiators must be detached when it changes.");

  /** Who may use which volume. */
  public static final Option<Optional<Path>> ISCSI_ACL =
      Option.optional(
          "iscsi.acl",
          OptionType.path(),
          "File with a line VOLUME INITIATOR… per volume, * for every initiator; volumes without"
              + " one are seen by nobody. Without the file every initiator sees all.");

  /** Secrets of CHAP. */
  public static final Option<Optional<String>> ISCSI_CHAP =
      Option.optional(
          "iscsi.chap",
          OptionType.text(1024),
          "File with a line NAME SECRET per initiator, and target NAME SECRET for mutual CHAP; or"
              + " env:VARIABLE, whose value has these lines. Without it anybody may log in.");

  /** Where metrics and readiness are served. */
  public static final Option<Address> HTTP_ADDRESS =
      Option.of(
          "http.address",
          OptionType.listenAddress(),
          "127.0.0.1:7161",
          "Where /metrics, /healthz and /readyz are served.");

  /** The gateway's name. */
  public static final Option<Optional<String>> NAME =
      Option.optional(
          "name",
          OptionType.text(127),
          "What the gateway is called in the owner of a volume; by default the host's name.");

  /** When a request fails instead of waiting on. */
  public static final Option<Duration> IO_TIMEOUT =
      Option.of(
          "io.timeout",
          OptionType.duration(Duration.ZERO, Duration.ofDays(1)),
          "0s",
          "How long a request waits while the cluster mends itself before it fails; 0s for ever.");

  /** From when a request is worth a line in the log. */
  public static final Option<Duration> SLOW_REQUEST =
      Option.of(
          "slow.request",
          OptionType.duration(Duration.ZERO, Duration.ofHours(1)),
          "1s",
          "Requests that take so long are logged with the times of their stages; 0s for none.");

  /** How long a volume stays owned when nobody uses it. */
  public static final Option<Duration> VOLUME_LINGER =
      Option.of(
          "volume.linger",
          OptionType.duration(Duration.ZERO, Duration.ofHours(1)),
          "3s",
          "How long a volume stays with the gateway after its last connection ended.");

  /** Bound of the writes that are kept. */
  public static final Option<Long> WINDOW_SIZE =
      Option.of(
          "window.size",
          OptionType.size(4L << 20, 4L << 30),
          "64MiB",
          "Memory per volume for writes that are not yet durable everywhere; more wait.");

  /** Bound of the requests under way. */
  public static final Option<Long> REQUEST_MEMORY =
      Option.of(
          "request.memory",
          OptionType.size(32L << 20, 16L << 30),
          "128MiB",
          "Memory per volume for payloads of requests and replies under way; more are not read.");

  /** When checksums are compared again. */
  public static final Option<Duration> SCRUB_INTERVAL =
      Option.of(
          "scrub.interval",
          OptionType.duration(Duration.ZERO, Duration.ofDays(365)),
          "24h",
          "After which the checksums and versions of a chunk's replicas are compared again, also of"
              + " a volume that nobody has attached; 0s for only on request.");

  /** When data is compared again. */
  public static final Option<Duration> SCRUB_DEEP_INTERVAL =
      Option.of(
          "scrub.deep.interval",
          OptionType.duration(Duration.ZERO, Duration.ofDays(365)),
          "168h",
          "After which the data of a chunk's replicas is read and compared with its checksums, also"
              + " of a volume that nobody has attached; 0s for only on request.");

  /** How fast that goes. */
  public static final Option<Long> SCRUB_RATE =
      Option.of(
          "scrub.rate",
          OptionType.size(64L << 10, 16L << 30),
          "32MiB",
          "Bytes a second that each replica reads for scrubs, over all volumes of the gateway.");

  /** How much longer clients may wait while replicas are copied. */
  public static final Option<Integer> REPAIR_LATENCY_FACTOR =
      Option.of(
          "repair.latency.factor",
          OptionType.integer(0, 100),
          "2",
          "While replicas are brought up, copying slows down when clients' reads and writes take"
              + " more than so many times as long as before, at the 99th percentile, but not below"
              + " repair.rate.min: where that rate alone is felt, they wait longer. 0 copies as"
              + " fast as it goes.");

  /** How fast replicas are copied whatever clients wait for. */
  public static final Option<Long> REPAIR_RATE_MIN =
      Option.of(
          "repair.rate.min",
          OptionType.size(1L << 20, 16L << 30),
          "16MiB",
          "Bytes a second that are copied to replicas that are brought up, however long clients"
              + " wait, over all volumes of the gateway.");

  /** How long the end may take. */
  public static final Option<Duration> STOP_TIMEOUT =
      Option.of(
          "stop.timeout",
          OptionType.duration(Duration.ZERO, Duration.ofMinutes(10)),
          "10s",
          "How long a clean stop waits for writes to become durable and volumes to be given up.");

  /** All of them. */
  public static final OptionSet SET =
      OptionSet.of(
          "gateway",
          METADATA_ADDRESSES,
          NBD_ADDRESS,
          NBD_SOCKET,
          NBD_EXPORT,
          ISCSI_ADDRESS,
          ISCSI_PORTAL,
          ISCSI_NAME,
          ISCSI_BLOCK_SIZE,
          ISCSI_ACL,
          ISCSI_CHAP,
          HTTP_ADDRESS,
          NAME,
          IO_TIMEOUT,
          SLOW_REQUEST,
          LoopOptions.BUSY_POLL,
          LoopOptions.LOCAL_SOCKETS,
          VOLUME_LINGER,
          WINDOW_SIZE,
          REQUEST_MEMORY,
          SCRUB_INTERVAL,
          SCRUB_DEEP_INTERVAL,
          SCRUB_RATE,
          REPAIR_LATENCY_FACTOR,
          REPAIR_RATE_MIN,
          STOP_TIMEOUT);

  private GatewayOptions() {}
}
