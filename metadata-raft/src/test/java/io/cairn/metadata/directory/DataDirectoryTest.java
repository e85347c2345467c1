package io.cairn.metadata.directory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataDirectoryTest {
  @TempDir Path parent;

  @Test
  void aNewDirectoryHasAnIdentityThatSurvivesAndCountsItsLives() throws IOException {
    Path path = parent.resolve("a/b");
    Identity first;
    try (DataDirectory directory = DataDirectory.open(path, "storage", 0)) {
      first = directory.identity();
      assertEquals(1, first.incarnation());
      assertEquals(0, first.clusterId());
      directory.join(42, 7);
      directory.join(42, 7);
    }
    try (DataDirectory directory = DataDirectory.open(path, "storage", 42)) {
      assertEquals(
          new Identity("storage", 42, first.storeIdHigh(), first.storeIdLow(), 2, 7),
          directory.identity());
    }
  }

  @Test
  void anEmptiedDirectoryIsAnotherStore() throws IOException {
    Identity first;
    try (DataDirectory directory = DataDirectory.open(parent, "storage", 0)) {
      first = directory.identity();
    }
    for (String name : List.of("IDENTITY", "LOCK")) {
      Files.delete(parent.resolve(name));
    }
    Files.createDirectory(parent.resolve("lost+found"));
    try (DataDirectory directory = DataDirectory.open(parent, "storage", 0)) {
      assertNotEquals(first.storeIdHigh(), directory.identity().storeIdHigh());
      assertEquals(1, directory.identity().incarnation());
    }
  }

  @Test
  void theBytesOfAnIdentityStay() {
    Identity identity = new Identity("storage", 0x42, 1, -1, 3, 7);
    String golden =
        "{\"format\":1,\"role\":\"storage\",\"clusterId\":\"0000000000000042\",\"storeId\":"
            + "\"0000000000000001ffffffffffffffff\",\"incarnation\":3,\"nodeId\":7,"
            + "\"checksum\":\"b84f9097\"}\n";
    String text = new String(identity.encode(), StandardCharsets.UTF_8);
    assertEquals(golden, text);
    assertEquals(identity, Identity.decode(identity.encode()));
  }

  @Test
  void oneProcessHoldsItOnce() throws IOException {
    try (DataDirectory directory = DataDirectory.open(parent, "storage", 0)) {
      String again = "data directory " + parent + " is in use by this process";
      assertEquals(again, refusal("storage", 0));
      assertEquals(again, refusal("storage", 0));
      assertEquals(1, directory.identity().incarnation());
      // Neither refusal may have released the lock against other processes.
      assertEquals(
          "data directory " + parent + " is in use by process " + ProcessHandle.current().pid(),
          openInAnotherProcess());
    }
    assertEquals("opened", openInAnotherProcess());
    DataDirectory.open(parent, "storage", 0).close();
  }

  private String openInAnotherProcess() throws IOException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Opener.class.getName(),
                parent.toString())
            .redirectErrorStream(true)
            .start();
    try {
      String said =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).trim();
      assertTrue(process.waitFor(30, TimeUnit.SECONDS));
      return said;
    } catch (InterruptedException e) {
      throw new IOException(e);
    } finally {
      process.destroyForcibly();
    }
  }

  /** Opens a directory and says what came of it. */
  static final class Opener {
    private Opener() {}

    public static void main(String[] arguments) throws IOException {
      try {
        DataDirectory.open(Path.of(arguments[0]), "storage", 0).close();
        System.out.println("opened");
      } catch (DataDirectoryException e) {
        System.out.println(e.getMessage());
      }
    }
  }

  @Test
  void aDirectoryOfAnotherRoleClusterOrNodeIsRefused() throws IOException {
    try (DataDirectory directory = DataDirectory.open(parent, "storage", 0)) {
      directory.join(0x42, 7);
      assertThrows(DataDirectoryException.class, () -> directory.join(0x43, 7));
      assertThrows(DataDirectoryException.class, () -> directory.join(0x42, 8));
    }
    assertEquals(
        "data directory " + parent + " belongs to cluster 42, this server to cluster 43",
        refusal("storage", 0x43));
    assertEquals(
        "data directory " + parent + " belongs to a storage server, this is a metadata server",
        refusal("metadata", 0x42));
    try (DataDirectory directory = DataDirectory.open(parent, "storage", 0x42)) {
      assertEquals(2, directory.identity().incarnation());
    }
  }

  @Test
  void aDirectoryWithOtherThingsIsRefusedAndLeftAlone() throws IOException {
    Files.writeString(parent.resolve("thesis.tex"), "x");
    assertEquals(
        "data directory "
            + parent
            + " holds thesis.tex but no IDENTITY: it is no data directory of Cairn; name an empty"
            + " one",
        refusal("storage", 0));
  }

  @Test
  void aDamagedIdentityIsRefusedAndNotReplaced() throws IOException {
    DataDirectory.open(parent, "storage", 0).close();
    Path file = parent.resolve("IDENTITY");
    String good = Files.readString(file);
    for (String bad :
        List.of(
            "",
            "{}",
            "[]",
            "null",
            "garbage",
            good.substring(0, good.length() / 2),
            good.replace("\"incarnation\":1", "\"incarnation\":2"))) {
      Files.writeString(file, bad);
      String refusal = refusal("storage", 0);
      assertTrue(refusal.contains("its IDENTITY is damaged"), bad + ": " + refusal);
      assertEquals(1, refusal.lines().count());
      assertEquals(bad, Files.readString(file));
    }
    Files.writeString(file, good.replace("\"format\":1", "\"format\":2"));
    assertTrue(
        refusal("storage", 0)
            .endsWith("has format 2, this program knows up to 1: use a newer one"));
    Files.writeString(file, good);
    DataDirectory.open(parent, "storage", 0).close();
  }

  @Test
  void aReplacementThatWasCutOffChangesNothing() throws IOException {
    DataDirectory.open(parent, "storage", 0).close();
    Files.writeString(parent.resolve("IDENTITY.new"), "{\"form");
    try (DataDirectory directory = DataDirectory.open(parent, "storage", 0)) {
      assertEquals(2, directory.identity().incarnation());
    }
  }

  @Test
  void whatCannotBeADirectoryIsNamedWithTheReason() throws IOException {
    Path file = Files.writeString(parent.resolve("file"), "x");
    assertEquals(
        "data directory " + file + " cannot be used: there is a file of this name", refusal(file));
    String below = refusal(file.resolve("below"));
    assertTrue(below.startsWith("data directory " + file.resolve("below") + " cannot"), below);
    String proc = refusal(Path.of("/proc/cairn"));
    assertTrue(proc.startsWith("data directory /proc/cairn cannot be used: "), proc);
  }

  @Test
  void aDirectoryWithoutPermissionIsNamedWithTheReason() throws IOException {
    Assumptions.assumeFalse("root".equals(System.getProperty("user.name")), "root may do it all");
    Path closed = Files.createDirectory(parent.resolve("closed"));
    Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("r-x------"));
    assertEquals(
        "data directory " + closed + " cannot be used: permission denied", refusal(closed));
  }

  private String refusal(String role, long clusterId) {
    return assertThrows(
            DataDirectoryException.class, () -> DataDirectory.open(parent, role, clusterId))
        .getMessage();
  }

  private static String refusal(Path path) {
    return assertThrows(DataDirectoryException.class, () -> DataDirectory.open(path, "storage", 0))
        .getMessage();
  }
}
