package io.cairn.client.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.iscsi.ChapSecrets;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where a gateway has CHAP secrets from; none of them is ever in a message. */
class ChapSecretsSourceTest {
  private static final String LINES = "# ours\nhost-a twelve-bytes-at-least\ntarget t other-secret";

  @TempDir Path directory;

  @Test
  void fileAndVariableHaveTheSameLines() throws IOException {
    Path file = Files.writeString(directory.resolve("chap"), LINES);
    ChapSecrets read = Gateway.chapSecrets(Optional.of(file.toString()), Map.of());
    assertEquals("t", read.targetName());
    ChapSecrets named = Gateway.chapSecrets(Optional.of("env:CHAP"), Map.of("CHAP", LINES));
    assertEquals(read.initiators().keySet(), named.initiators().keySet());
    assertEquals("CHAP for [host-a]", named.toString());
    assertNull(Gateway.chapSecrets(Optional.empty(), Map.of("CHAP", LINES)));
  }

  @Test
  void refusalsNameSourceAndBoundAndNoSecret() {
    assertEquals(
        "iscsi.chap is 'env:NONE': there is no such variable", refusal("env:NONE", Map.of()));
    assertEquals(
        "iscsi.chap is '/none/there': there is no such file", refusal("/none/there", Map.of()));
    String tooShort = refusal("env:CHAP", Map.of("CHAP", "host-a short-one"));
    assertEquals(
        "iscsi.chap is 'env:CHAP': the CHAP secret of host-a has 9 bytes: expected 12 to 256",
        tooShort);
    assertTrue(!tooShort.contains("short-one"));
  }

  private static String refusal(String source, Map<String, String> environment) {
    return assertThrows(
            IOException.class, () -> Gateway.chapSecrets(Optional.of(source), environment))
        .getMessage();
  }
}
