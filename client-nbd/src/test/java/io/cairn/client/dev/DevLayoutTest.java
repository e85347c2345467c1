package io.cairn.client.dev;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.options.Address;
import io.cairn.metadata.options.OptionException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DevLayoutTest {
  @TempDir Path directory;

  @Test
  void theMembersAreThreeMetadataServersTheNodesAndAGateway() {
    assertEquals(
        List.of(
            "metadata-1",
            "metadata-2",
            "metadata-3",
            "storage-1",
            "storage-2",
            "storage-3",
            "gateway-1"),
        layout(3).members().stream().map(DevLayout.Member::name).toList());
  }

  @Test
  void theLargestClusterHasNoPortTwiceAndKeepsToItsSpan() {
    List<Integer> ports = new ArrayList<>();
    for (DevLayout.Member member : layout(DevLayout.NODES_MAX).members()) {
      member.listens().values().forEach(address -> ports.add(address.port()));
    }
    assertEquals(ports.size(), new HashSet<>(ports).size(), ports::toString);
    ports.remove(Integer.valueOf(10809));
    ports.remove(Integer.valueOf(3260));
    assertTrue(
        ports.stream().allMatch(port -> port > 7100 && port <= 7100 + DevLayout.PORT_SPAN),
        ports::toString);
  }

  @Test
  void theMetadataServersAreWhereTheVerbsLookByDefault() {
    assertEquals(
        List.of("127.0.0.1:7101", "127.0.0.1:7102", "127.0.0.1:7103"),
        layout(3).metadataAddresses());
  }

  @Test
  void everyRoleAcceptsItsSettings() {
    for (DevLayout.Member member : layout(2).members()) {
      member.role().options().read(null, Map.of(), member.settings());
    }
  }

  @Test
  void theSettingsOfADirectoryAreRemembered() throws IOException {
    assertNull(DevSettings.recorded(directory));
    new DevSettings(5, 9000).record(directory);
    assertEquals(new DevSettings(5, 9000), DevSettings.recorded(directory));
    new DevSettings(6, 9000).record(directory);
    assertEquals(new DevSettings(6, 9000), DevSettings.recorded(directory));
    Files.writeString(directory.resolve("dev.yaml"), "nodes: many\nbase.port: 1\n");
    assertThrows(OptionException.class, () -> DevSettings.recorded(directory));
  }

  @Test
  void volumesAreReadAsNameAndSize() {
    assertEquals(new DevVolume("a:b", 1L << 30), DevVolume.parse("a:b:1GiB"));
    assertEquals(new DevVolume("vol0", 1L << 30), DevVolume.parse(DevVolume.DEFAULT));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "vol0", ":1GiB", "vol0:", "vol0:1GB", "vol0:-1GiB"})
  void otherTextIsNoVolume(String text) {
    assertThrows(IllegalArgumentException.class, () -> DevVolume.parse(text));
  }

  private DevLayout layout(int nodes) {
    return new DevLayout(
        directory,
        nodes,
        new Address("127.0.0.1", 10809),
        Optional.of(new Address("127.0.0.1", 3260)),
        7100);
  }
}
