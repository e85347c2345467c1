package io.cairn.client.attach;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.attach.Attachments.Attachment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AttachmentsTest {
  @TempDir private Path blocks;

  private void device(String name, String backend, String pid, String size) throws IOException {
    Path device = Files.createDirectories(blocks.resolve(name));
    Files.writeString(device.resolve("size"), size + "\n");
    if (backend != null) {
      Files.writeString(device.resolve("backend"), backend + "\n");
    }
    if (pid != null) {
      Files.writeString(device.resolve("pid"), pid + "\n");
    }
  }

  @Test
  void onlyCairnsDevicesAreFoundWithWhatTheirBackendsSay() throws IOException {
    device("sda", null, null, "1000");
    device("nbd0", null, "17", "2048");
    device("nbd1", "cairn:data@127.0.0.1:10809", "17", "2048");
    device("nbd10", "cairn:logs@/run/cairn/nbd.sock", "17", "4096");
    device("nbd2", "somebody else's", "17", "2048");
    device("nbd3", null, null, "0");
    Attachments attachments = new Attachments(blocks);
    assertEquals(
        List.of(
            new Attachment(1, "data", new GatewayAddress("127.0.0.1:10809"), 1 << 20),
            new Attachment(10, "logs", new GatewayAddress("/run/cairn/nbd.sock"), 2 << 20)),
        attachments.all());
    assertEquals("/dev/nbd10", attachments.of("logs").orElseThrow().device());
    assertTrue(attachments.of("nothing").isEmpty());
    assertTrue(attachments.isConnected(0));
    assertFalse(attachments.isConnected(3));
    assertFalse(attachments.isConnected(4));
  }

  @Test
  void whatABackendSaysIsWhatItWasMadeOf() {
    Attachment made = new Attachment(1, "data", new GatewayAddress("gateway:10809"), 0);
    assertEquals("cairn:data@gateway:10809", made.backend());
  }

  @Test
  void devicesAreNamedAsUnderDev() {
    assertEquals(12, Attachments.index("/dev/nbd12"));
    assertThrows(IllegalArgumentException.class, () -> Attachments.index("/dev/sda"));
    assertTrue(Attachments.isDevice("/dev/nbd0"));
    assertFalse(Attachments.isDevice("nbd0"));
  }

  @Test
  void anAddressIsAHostWithItsPortOrThePathOfASocket() {
    assertThrows(IllegalArgumentException.class, () -> new GatewayAddress("gateway"));
    assertThrows(IllegalArgumentException.class, () -> new GatewayAddress("/" + "x".repeat(107)));
  }
}
