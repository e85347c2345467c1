package io.cairn.client.attach;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What of Cairn is attached to this host, as the kernel knows it: a device's backend is {@code
 * cairn:VOLUME@GATEWAY}. So nothing is kept on disk, and nothing can differ from the truth.
 */
final class Attachments {
  private static final Pattern DEVICE = Pattern.compile("nbd(\\d+)");
  private static final Pattern BACKEND = Pattern.compile("cairn:([^@]+)@(.+)");
  private static final int SECTOR_BYTES = 512;

  private final Path blocks;

  Attachments(Path blocks) {
    this.blocks = blocks;
  }

  /** Those of this host. */
  static Attachments ofHost() {
    return new Attachments(Path.of("/sys/block"));
  }

  /** One device. */
  record Attachment(int index, String volume, GatewayAddress gateway, long sizeBytes) {
    String device() {
      return "/dev/nbd" + index;
    }

    String backend() {
      return backendOf(volume, gateway);
    }
  }

  static String backendOf(String volume, GatewayAddress gateway) {
    return "cairn:" + volume + "@" + gateway.text();
  }

  /** The number of a device, which is {@code /dev/nbdX}. */
  static int index(String device) {
    Matcher name = DEVICE.matcher(device.startsWith("/dev/") ? device.substring(5) : device);
    if (!name.matches()) {
      throw new IllegalArgumentException("'" + device + "' is no NBD device, such as /dev/nbd0");
    }
    return Integer.parseInt(name.group(1));
  }

  /** Whether the text names a device and not a volume. */
  static boolean isDevice(String text) {
    return text.startsWith("/dev/");
  }

  /** All of them, by the numbers of their devices. */
  List<Attachment> all() throws IOException {
    List<Attachment> found = new ArrayList<>();
    try (Stream<Path> devices = Files.list(blocks)) {
      for (Path device : devices.toList()) {
        Matcher name = DEVICE.matcher(device.getFileName().toString());
        if (name.matches()) {
          of(Integer.parseInt(name.group(1))).ifPresent(found::add);
        }
      }
    }
    found.sort(Comparator.comparingInt(Attachment::index));
    return found;
  }

  /** What is attached to a device, if it is Cairn's. */
  Optional<Attachment> of(int index) {
    Matcher backend = BACKEND.matcher(text(index, "backend"));
    if (!backend.matches()) {
      return Optional.empty();
    }
    String sectors = text(index, "size");
    return Optional.of(
        new Attachment(
            index,
            backend.group(1),
            new GatewayAddress(backend.group(2)),
            sectors.isEmpty() ? 0 : Long.parseLong(sectors) * SECTOR_BYTES));
  }

  /** The device of a volume. */
  Optional<Attachment> of(String volume) throws IOException {
    return all().stream().filter(a -> a.volume().equals(volume)).findFirst();
  }

  /** Whether anything is connected to the device, Cairn's or not. */
  boolean isConnected(int index) {
    return !text(index, "pid").isEmpty();
  }

  private String text(int index, String file) {
    try {
      return Files.readString(blocks.resolve("nbd" + index).resolve(file), StandardCharsets.UTF_8)
          .strip();
    } catch (IOException e) {
      // There is no such device, or nothing is connected to it.
      return "";
    }
  }
}
