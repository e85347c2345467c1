package io.cairn.storage.journal;

import io.cairn.storage.device.NativeFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A journal's bytes in a file system in memory. They survive the process like those in the page
 * cache, and go with the machine's power like those, but cost no fault per page: see ADR 0003.
 *
 * <p>Which copy belongs to what is on the device is said by a name that both have: a new one for
 * each copy that is made from the device. So a copy that stayed behind on a machine while the
 * device was used on another one is never taken for the newer of the two.
 *
 * <pre>
 *   JOURNAL/copy              name of the working copy that may be newer than the segments
 *   MEMORY/cairn-HASH/copy    name, journal's directory, host; written when the copy is whole
 *   MEMORY/cairn-HASH/NNN     bytes of a segment
 * </pre>
 */
final class WorkingCopy {
  private static final Logger LOG = LoggerFactory.getLogger(WorkingCopy.class);
  private static final String PREFIX = "cairn-";
  private static final String NAME_FILE = "copy";

  /** Stands for a name while a copy is made. */
  private static final String UNFINISHED = "unfinished";

  /** Left free in memory, so that the copy does not take the last of it. */
  private static final long SPARE_BYTES = 8L << 20;

  private static final Set<PosixFilePermission> OWNER_ONLY =
      PosixFilePermissions.fromString("rwx------");

  private static final int READ_BYTES = 1 << 20;

  private final Path directory;
  private final Path journal;
  private final int segmentBytes;
  private boolean deleted;

  private WorkingCopy(Path directory, Path journal, int segmentBytes) {
    this.directory = directory;
    this.journal = journal;
    this.segmentBytes = segmentBytes;
  }

  /**
   * Adopts the copy that a process before left, or makes one from the segments' files.
   *
   * @param memory the file system in memory; null for none.
   * @param segments their numbers.
   * @return null when there can be none; the log says why, and what an old one held is lost like in
   *     a loss of power.
   */
  static WorkingCopy open(Path memory, Path journal, int segmentBytes, SortedSet<Integer> segments)
      throws IOException {
    Path absolute = journal.toAbsolutePath().normalize();
    if (memory == null) {
      Files.deleteIfExists(absolute.resolve(NAME_FILE));
      return null;
    }
    WorkingCopy copy = new WorkingCopy(place(memory, absolute), absolute, segmentBytes);
    String problem;
    try {
      problem = copy.prepare(memory, segments);
    } catch (IOException e) {
      problem = "no working copy in " + memory + ": " + e;
    }
    if (problem == null) {
      return copy;
    }
    LOG.warn("the journal {} is mapped from its device, which costs more: {}", journal, problem);
    Files.deleteIfExists(absolute.resolve(NAME_FILE));
    return null;
  }

  private static Path place(Path memory, Path journal) throws IOException {
    String hash = HexFormat.of().toHexDigits(hash(host() + ":" + journal));
    return memory.resolve(PREFIX + hash);
  }

  /** Whether there is a copy that may be newer than the segments. */
  static boolean isLeft(Path memory, Path journal) throws IOException {
    Path absolute = journal.toAbsolutePath().normalize();
    List<String> here = lines(place(memory, absolute).resolve(NAME_FILE));
    List<String> there = lines(absolute.resolve(NAME_FILE));
    return !here.isEmpty() && !there.isEmpty() && here.getFirst().equals(there.getFirst());
  }

  private static long hash(String text) {
    return UUID.nameUUIDFromBytes(text.getBytes(StandardCharsets.UTF_8)).getMostSignificantBits();
  }

  private String prepare(Path memory, SortedSet<Integer> segments) throws IOException {
    if (!Files.isDirectory(memory) || !Files.isWritable(memory)) {
      return memory + " is not a directory that can be written";
    }
    sweep(memory);
    try (NativeFile probe = openDevice(segments.first())) {
      if (probe == null) {
        return "its file system takes no direct writes";
      }
    }
    if (isAdoptable(segments)) {
      dropOthers(segments);
      LOG.info("the journal {} goes on with its working copy {}", journal, directory);
      return null;
    }
    deleteTree(directory);
    String problem = roomProblem(memory, segments.size());
    if (problem != null) {
      return problem;
    }
    try {
      make(segments);
      return null;
    } catch (IOException e) {
      deleteTree(directory);
      throw e;
    }
  }

  private String roomProblem(Path memory, int segmentCount) throws IOException {
    long needed = (long) segmentBytes * segmentCount + SPARE_BYTES;
    long usable = Files.getFileStore(memory).getUsableSpace();
    return usable < needed
        ? memory + " has " + usable + " bytes left, " + needed + " are needed"
        : null;
  }

  /** Many may write to where the copy lies: only what the journal's owner made is believed. */
  private boolean isAdoptable(SortedSet<Integer> segments) throws IOException {
    if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)
        || !Files.getOwner(directory).equals(Files.getOwner(journal))
        || !Files.getPosixFilePermissions(directory).equals(OWNER_ONLY)) {
      return false;
    }
    List<String> here = lines(directory.resolve(NAME_FILE));
    List<String> there = lines(journal.resolve(NAME_FILE));
    if (here.isEmpty() || !here.getFirst().equals(there.isEmpty() ? "" : there.getFirst())) {
      return false;
    }
    for (int i : segments) {
      if (!Files.exists(file(i)) || Files.size(file(i)) != segmentBytes) {
        return false;
      }
    }
    return true;
  }

  /** Segments that the journal has no more, or did not get. */
  private void dropOthers(SortedSet<Integer> segments) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        String name = file.getFileName().toString();
        if (name.matches("\\d{3,7}") && !segments.contains(Integer.valueOf(name))) {
          Files.deleteIfExists(file);
        }
      }
    }
  }

  /**
   * Makes place for more segments, all zeroes; before they are on the device.
   *
   * @throws IOException when there is none; {@link #drop} then takes away what there is.
   */
  void add(SortedSet<Integer> segments) throws IOException {
    String problem = roomProblem(directory.getParent(), segments.size());
    if (problem != null) {
      throw new IOException(problem);
    }
    for (int i : segments) {
      Files.deleteIfExists(file(i));
      try (NativeFile target = NativeFile.open(file(i), NativeFile.Mode.CREATE)) {
        target.allocate(0, segmentBytes);
      }
    }
  }

  /** The journal does not have that segment, or has it no more. */
  void drop(int number) throws IOException {
    Files.deleteIfExists(file(number));
  }

  private void make(SortedSet<Integer> segments) throws IOException {
    Files.createDirectory(directory, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
    nameTheCopy(UNFINISHED);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment part = arena.allocate(READ_BYTES, NativeFile.DIRECT_ALIGNMENT);
      MemorySegment zeroes = arena.allocate(READ_BYTES);
      for (int i : segments) {
        try (NativeFile source = openDevice(i);
            NativeFile target = NativeFile.open(file(i), NativeFile.Mode.CREATE)) {
          // A place in memory that is not there when it is written would be the end of the process.
          target.allocate(0, segmentBytes);
          for (int at = 0; at < segmentBytes; at += READ_BYTES) {
            MemorySegment bytes = part.asSlice(0, Math.min(READ_BYTES, segmentBytes - at));
            source.read(bytes, at);
            if (bytes.mismatch(zeroes.asSlice(0, bytes.byteSize())) >= 0) {
              target.write(bytes, at);
            }
          }
        }
      }
    }
    String name = UUID.randomUUID().toString();
    Path draft = journal.resolve(NAME_FILE + ".new");
    Files.writeString(draft, name + "\n");
    try (FileChannel channel = FileChannel.open(draft, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
    Files.move(draft, journal.resolve(NAME_FILE), StandardCopyOption.ATOMIC_MOVE);
    NativeFile.syncDirectory(journal);
    nameTheCopy(name);
  }

  private void nameTheCopy(String name) throws IOException {
    Path draft = directory.resolve(NAME_FILE + ".new");
    Files.writeString(draft, name + "\n" + journal + "\n" + host() + "\n");
    Files.move(draft, directory.resolve(NAME_FILE), StandardCopyOption.ATOMIC_MOVE);
  }

  private static String host() throws IOException {
    return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
  }

  private static List<String> lines(Path file) throws IOException {
    return Files.exists(file) ? Files.readAllLines(file) : List.of();
  }

  /** Copies of journals of this host that were deleted would keep their memory for ever. */
  private static void sweep(Path memory) throws IOException {
    try (DirectoryStream<Path> copies = Files.newDirectoryStream(memory, PREFIX + "*")) {
      for (Path copy : copies) {
        try {
          if (isLeftBehind(copy)) {
            LOG.info("the working copy {} of a journal that is gone is deleted", copy);
            deleteTree(copy);
          }
        } catch (IOException e) {
          // Another user's, or another node sweeps too: no reason to do without a copy.
          LOG.debug("the working copy {} stays", copy, e);
        }
      }
    }
  }

  private static boolean isLeftBehind(Path copy) throws IOException {
    List<String> said = lines(copy.resolve(NAME_FILE));
    return said.size() == 3 && said.get(2).equals(host()) && !Files.exists(Path.of(said.get(1)));
  }

  private static void deleteTree(Path tree) throws IOException {
    if (!Files.isDirectory(tree)) {
      return;
    }
    // The name first: what is left of a copy must not pass for a whole one.
    Files.deleteIfExists(tree.resolve(NAME_FILE));
    try (DirectoryStream<Path> files = Files.newDirectoryStream(tree)) {
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
    }
    Files.deleteIfExists(tree);
  }

  Path file(int number) {
    return directory.resolve("%03d".formatted(number));
  }

  /** The segment's file on the device, for direct writes. */
  NativeFile openDevice(int number) throws IOException {
    return NativeFile.open(SegmentFiles.file(journal, number), NativeFile.Mode.DIRECT);
  }

  /** The device has everything: the copy is not needed any more. */
  void delete(int number) throws IOException {
    if (!deleted) {
      deleted = true;
      Files.deleteIfExists(directory.resolve(NAME_FILE));
    }
    Files.deleteIfExists(file(number));
    try (DirectoryStream<Path> left = Files.newDirectoryStream(directory)) {
      if (!left.iterator().hasNext()) {
        Files.deleteIfExists(directory);
      }
    }
  }
}
