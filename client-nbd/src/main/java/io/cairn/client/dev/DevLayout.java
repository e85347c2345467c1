package io.cairn.client.dev;

import io.cairn.client.cli.Role;
import io.cairn.metadata.options.Address;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Names, directories, ports and settings of a dev cluster's members. The ports follow from one
 * base: metadata servers on base+1.., their HTTP on base+11.., storage nodes on base+21.., their
 * HTTP on base+41.., the gateway's HTTP on base+61.
 *
 * @param directory holds everything: {@code conf}, {@code run} and one directory per member.
 * @param nodeCount storage nodes, 1 to {@link #NODES_MAX}.
 * @param nbd where the gateway listens for NBD clients.
 * @param iscsi where it listens for iSCSI initiators, if it does.
 * @param basePort one below the lowest port.
 */
record DevLayout(
    Path directory, int nodeCount, Address nbd, Optional<Address> iscsi, int basePort) {
  static final int METADATA_COUNT = 3;
  static final int NODES_MAX = 20;
  static final int PORT_SPAN = 61;
  private static final String HOST = "127.0.0.1";

  /** One process, or one part of the embedded cluster, with its options. */
  record Member(Role role, String name, Map<String, String> settings) {
    /** The addresses that the member will listen on, by option. */
    Map<String, Address> listens() {
      Map<String, Address> addresses = new LinkedHashMap<>();
      for (String key :
          List.of(
              "metadata.address", "data.address", "nbd.address", "iscsi.address", "http.address")) {
        if (settings.containsKey(key)) {
          addresses.put(key, Address.parse(settings.get(key)));
        }
      }
      return addresses;
    }
  }

  /** All members in the order in which they start. */
  List<Member> members() {
    List<Member> members = new ArrayList<>();
    for (int number = 1; number <= METADATA_COUNT; number++) {
      members.add(metadata(number));
    }
    for (int number = 1; number <= nodeCount; number++) {
      members.add(storage(number));
    }
    members.add(gateway());
    return members;
  }

  /** The metadata servers, HOST:PORT each. */
  List<String> metadataAddresses() {
    return IntStream.rangeClosed(1, METADATA_COUNT).mapToObj(this::metadataAddress).toList();
  }

  /** The console, as the first metadata server shows it. */
  String consoleUrl() {
    return "http://" + address(11) + "/console";
  }

  private String metadataAddress(int number) {
    return address(number);
  }

  private String address(int offset) {
    return HOST + ":" + (basePort + offset);
  }

  /** Pids, commands and logs. */
  Path runDirectory() {
    return directory.resolve("run");
  }

  /** The members' settings. */
  Path configDirectory() {
    return directory.resolve("conf");
  }

  Path configFile(Member member) {
    return configDirectory().resolve(member.name() + ".yaml");
  }

  /** Writes each member's configuration file. What the environment sets goes before it. */
  void writeSettings() throws IOException {
    Files.createDirectories(configDirectory());
    for (Member member : members()) {
      StringBuilder text = new StringBuilder("# Written by cairn dev at each start.\n");
      member
          .settings()
          .forEach((key, value) -> text.append(key).append(": ").append(yaml(value)).append('\n'));
      Files.writeString(configFile(member), text);
    }
  }

  /** In quotes, in which YAML takes everything but the quote itself literally. */
  private static String yaml(String value) {
    return "'" + value.replace("'", "''") + "'";
  }

  private Member metadata(int number) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("metadata.address", metadataAddress(number));
    settings.put("metadata.group", String.join(",", metadataAddresses()));
    settings.put("http.address", address(10 + number));
    settings.put("console.changes", "true");
    settings.put("data.directory", data("metadata-" + number));
    return new Member(Role.METADATA, "metadata-" + number, settings);
  }

  private Member storage(int number) {
    String name = "storage-" + number;
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("data.address", address(20 + number));
    settings.put("metadata.addresses", String.join(",", metadataAddresses()));
    settings.put("http.address", address(40 + number));
    settings.put("data.directory", data(name));
    // Journals are written once when they are made: several of the usual size on one disk take
    // long.
    settings.put("journal.size", "128MiB");
    settings.put("journal.segment", "8MiB");
    settings.put("name", name);
    // All run on one host; the placement should take them for as many.
    settings.put("host", name);
    return new Member(Role.STORAGE, name, settings);
  }

  private Member gateway() {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("metadata.addresses", String.join(",", metadataAddresses()));
    settings.put("nbd.address", nbd.toString());
    iscsi.ifPresent(address -> settings.put("iscsi.address", address.toString()));
    settings.put("http.address", address(PORT_SPAN));
    settings.put("name", "gateway-1");
    return new Member(Role.GATEWAY, "gateway-1", settings);
  }

  private String data(String name) {
    return directory.resolve(name).toString();
  }
}
