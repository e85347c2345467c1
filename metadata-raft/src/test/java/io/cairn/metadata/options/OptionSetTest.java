package io.cairn.metadata.options;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OptionSetTest {
  private enum Sync {
    AT_FLUSH,
    ALWAYS
  }

  private static final Option<List<Address>> PEERS =
      Option.required("peers", OptionType.addresses(), "The servers.").clusterWide();
  private static final Option<Address> LISTEN =
      Option.of("listen.address", OptionType.listenAddress(), "127.0.0.1:0", "Where it listens.");
  private static final Option<Integer> SHARDS =
      Option.of("shards", OptionType.integer(1, 256), "1", "Event loops.");
  private static final Option<Long> JOURNAL =
      Option.of("journal.size", OptionType.size(1 << 20, 1L << 40), "256MiB", "Room.");
  private static final Option<Duration> TIMEOUT =
      Option.of(
          "io.timeout",
          OptionType.duration(Duration.ZERO, Duration.ofHours(1)),
          "0",
          "After which waiting is an error.");
  private static final Option<Optional<Path>> SOCKET =
      Option.optional("nbd.socket", OptionType.path(), "Unix socket; none unless given.");
  private static final Option<Boolean> TRIM =
      Option.of("trim", OptionType.flag(), "true", "Whether holes are punched.");
  private static final Option<Sync> SYNC =
      Option.of("sync", OptionType.choice(Sync.class), "at-flush", "When data is durable.");
  private static final Option<String> NAME =
      Option.of("name", OptionType.text(8), "n", "The name.");
  private static final OptionSet SET =
      OptionSet.of("storage", PEERS, LISTEN, SHARDS, JOURNAL, TIMEOUT, SOCKET, TRIM, SYNC, NAME);
  private static final Map<String, String> PEERS_GIVEN = Map.of("peers", "a:1");

  @TempDir Path directory;

  @Test
  void aFileTheEnvironmentAndFlagsAreReadInThatOrder() throws IOException {
    Path file =
        file(
            """
            # a comment
            peers: "a:1, b:2,[::1]:3"
            shards: 2
            journal.size: 1GiB
            io.timeout: 500ms
            nbd.socket: /run/cairn.sock
            trim: false
            sync: always
            """);
    OptionValues values =
        SET.read(
            file,
            Map.of("CAIRN_STORAGE_SHARDS", "3", "CAIRN_STORAGE_JOURNAL_SIZE", "2GiB", "HOME", "/"),
            Map.of("shards", "4"));
    assertEquals(
        List.of(new Address("a", 1), new Address("b", 2), new Address("::1", 3)),
        values.get(PEERS));
    assertEquals("[::1]:3", values.get(PEERS).getLast().toString());
    assertEquals(4, values.get(SHARDS));
    assertEquals(2L << 30, values.get(JOURNAL));
    assertEquals(Duration.ofMillis(500), values.get(TIMEOUT));
    assertEquals(Optional.of(Path.of("/run/cairn.sock")), values.get(SOCKET));
    assertEquals(false, values.get(TRIM));
    assertEquals(Sync.ALWAYS, values.get(SYNC));
  }

  @Test
  void whatIsNotGivenHasItsDefault() throws IOException {
    OptionValues values = SET.read(file(""), Map.of(), PEERS_GIVEN);
    assertEquals(new Address("127.0.0.1", 0), values.get(LISTEN));
    assertEquals(256L << 20, values.get(JOURNAL));
    assertEquals(Duration.ZERO, values.get(TIMEOUT));
    assertEquals(Optional.empty(), values.get(SOCKET));
    assertEquals(Sync.AT_FLUSH, values.get(SYNC));
  }

  @Test
  void aMissingRequiredOptionIsNamedWithTheWaysToGiveIt() {
    assertEquals(
        "option peers is required: set it in the configuration file, by CAIRN_STORAGE_PEERS or by"
            + " --set peers=…; expected 1 to 64 different addresses, written HOST:PORT,HOST:PORT",
        refusal(() -> SET.read(null, Map.of(), Map.of())));
  }

  @Test
  void anUnknownKeyIsNamedWithItsLineAndTheNearestKnownOne() throws IOException {
    Path file = file("peers: a:1\nshard: 2\n");
    assertEquals(
        file + ":2: option shard is unknown; did you mean shards?",
        refusal(() -> SET.read(file, Map.of(), Map.of())));
    assertEquals(
        "environment variable CAIRN_STORAGE_JOURNAL_SISE: option journal.sise is unknown; did you"
            + " mean journal.size?",
        refusal(() -> SET.read(null, Map.of("CAIRN_STORAGE_JOURNAL_SISE", "1"), PEERS_GIVEN)));
    assertTrue(
        refusal(() -> SET.read(null, Map.of(), Map.of("colour", "red")))
            .startsWith("--set colour: option colour is unknown; the role storage knows peers, "));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "shards|0|a whole number from 1 to 256",
        "shards|257|a whole number from 1 to 256",
        "shards|two|a whole number from 1 to 256",
        "shards|99999999999|a whole number from 1 to 256",
        "journal.size|1KiB|a size from 1MiB to 1TiB, written like 512MiB",
        "journal.size|256MB|a size from 1MiB to 1TiB, written like 512MiB",
        "journal.size|9999999PiB|a size from 1MiB to 1TiB, written like 512MiB",
        "io.timeout|2h|a duration from 0 to 1h, written like 500ms or 2s",
        "io.timeout|-1s|a duration from 0 to 1h, written like 500ms or 2s",
        "io.timeout|5|a duration from 0 to 1h, written like 500ms or 2s",
        "listen.address|7100|HOST:PORT with a port from 0 to 65535; 0 is any free one",
        "listen.address|:7100|HOST:PORT with a port from 0 to 65535; 0 is any free one",
        "listen.address|h:65536|HOST:PORT with a port from 0 to 65535; 0 is any free one",
        "listen.address|::1:1|HOST:PORT with a port from 0 to 65535; 0 is any free one",
        "listen.address|a b:1|HOST:PORT with a port from 0 to 65535; 0 is any free one",
        "peers|a:1,a:1|1 to 64 different addresses, written HOST:PORT,HOST:PORT",
        "peers|a:1,|1 to 64 different addresses, written HOST:PORT,HOST:PORT",
        "peers|a:0|1 to 64 different addresses, written HOST:PORT,HOST:PORT",
        "trim|yes|true or false",
        "sync|AT_FLUSH|one of at-flush, always",
        "nbd.socket|' '|a path",
        "name|ninechars|a text of 1 to 8 characters",
      })
  void aBadValueIsRefusedWithKeyValueAndBound(String key, String value, String bound)
      throws IOException {
    String text = value.equals("' '") ? " " : value;
    Path file = file(key + ": \"" + text + "\"\n");
    assertEquals(
        file + ":1: option " + key + " is '" + text + "', expected " + bound,
        refusal(() -> SET.read(file, Map.of(), Map.of())));
  }

  @Test
  void aValueWithControlCharactersOrOfAnyLengthMakesOneReadableLine() {
    String text =
        refusal(() -> SET.read(null, Map.of(), Map.of("name", "a\n\u001b[31m" + "x".repeat(9999))));
    assertTrue(text.length() < 300 && text.lines().count() == 1 && !text.contains("\u001b"), text);
  }

  @Test
  void whatStandsTwiceInAFileIsRefusedWithBothLines() throws IOException {
    Path file = file("shards: 1\npeers: a:1\nshards: 2\n");
    assertEquals(
        file + ":3: option shards stands twice, first at " + file + ":1",
        refusal(() -> SET.read(file, Map.of(), Map.of())));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "- a\n- b\n",
        "shards:\n  - 1\n",
        "journal:\n  size: 1\n",
        "shards:\n",
        "just text",
        "shards: [1\n",
        "shards: 1\n---\nshards: 2\n",
        "\tshards: 1\n",
        "a: &x [*x]\n",
      })
  void aFileThatIsNotFlatIsRefusedWithItsLine(String text) throws IOException {
    Path file = file(text);
    String refusal = refusal(() -> SET.read(file, Map.of(), PEERS_GIVEN));
    assertTrue(refusal.matches("(?s)\\Q" + file + "\\E:\\d+: .*"), refusal);
    assertEquals(1, refusal.lines().count(), refusal);
  }

  @Test
  void aFileThatCannotBeReadIsNamedWithTheReason() throws IOException {
    Path missing = directory.resolve("missing.yml");
    assertEquals(
        "cannot read " + missing + ": there is no such file",
        refusal(() -> SET.read(missing, Map.of(), PEERS_GIVEN)));
    assertEquals(
        "cannot read " + directory + ": it is a directory",
        refusal(() -> SET.read(directory, Map.of(), PEERS_GIVEN)));
    Path binary = Files.write(directory.resolve("binary"), new byte[] {(byte) 0xff, 0, 1});
    assertEquals(
        "cannot read " + binary + ": it is not UTF-8 text",
        refusal(() -> SET.read(binary, Map.of(), PEERS_GIVEN)));
    Path big = Files.write(directory.resolve("big"), new byte[OptionFile.LENGTH_MAX_BYTES + 1]);
    assertTrue(refusal(() -> SET.read(big, Map.of(), PEERS_GIVEN)).contains("longer than 1MiB"));
  }

  @Test
  void whatKubernetesSaysOfAServiceNamedLikeTheRoleIsNoSetting() {
    OptionValues values =
        SET.read(
            null,
            Map.of(
                "CAIRN_STORAGE_SERVICE_HOST", "10.0.0.1",
                "CAIRN_STORAGE_SERVICE_PORT", "7121",
                "CAIRN_STORAGE_SERVICE_PORT_DATA", "7121",
                "CAIRN_STORAGE_PORT", "tcp://10.0.0.1:7121",
                "CAIRN_STORAGE_PORT_7121_TCP_ADDR", "10.0.0.1",
                "CAIRN_STORAGE_HTTP_PORT_7121_TCP", "tcp://10.0.0.1:7121"),
            PEERS_GIVEN);
    assertEquals(1, values.get(SHARDS));
  }

  @Test
  void aValueThatOnlyItsUseShowsToBeWrongIsRefusedWithItsPlace() {
    OptionValues values = SET.read(null, Map.of(), PEERS_GIVEN);
    assertEquals(
        "--set peers: option peers is 'a:1': nobody is there",
        values.refuse(PEERS, "nobody is there").getMessage());
    assertEquals("option shards: too many", values.refuse(SHARDS, "too many").getMessage());
  }

  @Test
  void theReferenceListsEveryOptionAndTheClusterWideOnesApart() {
    String page = SET.reference();
    assertTrue(
        page.contains(
            "| `journal.size` | a size from 1MiB to 1TiB, written like 512MiB | `256MiB` |"
                + " `CAIRN_STORAGE_JOURNAL_SIZE` | Room. |\n"),
        page);
    assertTrue(page.indexOf("`peers`") < page.indexOf("Of each server:"), page);
    assertTrue(page.contains("(required)") && page.contains("(none)"), page);
  }

  @Test
  void aDefaultOutOfItsOwnBoundsIsNeverDeclared() {
    assertThrows(
        IllegalArgumentException.class,
        () -> Option.of("shards", OptionType.integer(1, 2), "3", "Event loops."));
  }

  private static String refusal(Runnable read) {
    return assertThrows(OptionException.class, read::run).getMessage();
  }

  private Path file(String text) throws IOException {
    return Files.writeString(directory.resolve("role.yml"), text);
  }
}
