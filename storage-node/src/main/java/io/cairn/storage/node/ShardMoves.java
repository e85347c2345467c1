package io.cairn.storage.node;

import io.cairn.metadata.options.Sizes;
import io.cairn.storage.device.Device.Tier;
import io.cairn.storage.device.NativeFile;
import io.cairn.storage.journal.SegmentFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves shards between cache devices while none of them is open: to a device that was added, and
 * from one that is to leave. The read cache stays behind and begins empty, as what it holds is on
 * the capacity device too.
 *
 * <pre>
 * copied to TO/shard-N.moving, synced
 * TO/shard-N                         renamed; DATA/devices still names FROM
 * DATA/devices                       names TO: from here on that one counts
 * FROM/shard-N.left                  renamed, deleted
 * </pre>
 *
 * <p>The directory that DATA/devices names is whole at any time. What a crash leaves beside it is
 * deleted by the next start, which then goes on.
 */
final class ShardMoves {
  private static final Logger LOG = LoggerFactory.getLogger(ShardMoves.class);
  private static final String DRAFT = ".moving";
  private static final String LEFT = ".left";
  private static final int COPY_BYTES = 1 << 20;

  /** Files that begin anew in the new place: the read cache's, and the name of a copy in memory. */
  private static final Pattern STAYS = Pattern.compile("read-cache[^/]*|journal/copy");

  private final DeviceMap map;
  private final Path memory;
  private final long readCacheBytes;
  private final Consumer<String> steps;

  /**
   * Nothing is moved yet.
   *
   * @param map settled.
   * @param memory file system for the journals' working copies, or null for none.
   * @param readCacheBytes what each shard's read cache will take in its new place.
   * @param steps is told of each step that was taken.
   */
  ShardMoves(DeviceMap map, Path memory, long readCacheBytes, Consumer<String> steps) {
    this.map = map;
    this.memory = memory;
    this.readCacheBytes = readCacheBytes;
    this.steps = steps;
  }

  /**
   * Moves what is to be moved and can be; what cannot stays where it is, and the log says why.
   *
   * @throws IOException when DATA/devices cannot be written.
   */
  void run() throws IOException {
    deleteWhatWasLeft();
    Set<Integer> staying = new TreeSet<>();
    for (DeviceMap.Move move = map.nextMove(staying); move != null; move = map.nextMove(staying)) {
      if (!copy(move)) {
        staying.add(move.shard());
        continue;
      }
      map.moved(move);
      steps.accept("remembered");
      LOG.info("shard {} lies on {} now", move.shard(), move.to());
      deleteWhatWasLeft();
    }
    for (Path emptied : map.forgetEmptied()) {
      LOG.info("the cache device {} is empty: it can be taken out", emptied);
    }
  }

  private boolean copy(DeviceMap.Move move) {
    String name = DeviceMap.directoryName(move.shard());
    Path from = move.from().resolve(name);
    Path draft = move.to().resolve(name + DRAFT);
    try {
      if (!Files.exists(from)) {
        return true;
      }
      String problem = problem(move, from);
      if (problem != null) {
        LOG.warn(
            "shard {} stays on {}, and does not move to {}: {}",
            move.shard(),
            move.from(),
            move.to(),
            problem);
        return false;
      }
      LOG.info("shard {} moves from {} to {}", move.shard(), move.from(), move.to());
      copyTree(from, draft);
      steps.accept("copied");
      Files.move(draft, move.to().resolve(name), StandardCopyOption.ATOMIC_MOVE);
      NativeFile.syncDirectory(move.to());
      steps.accept("in place");
      return true;
    } catch (IOException e) {
      LOG.error("shard {} stays on {}: it cannot be copied", move.shard(), move.from(), e);
      return false;
    }
  }

  /** Why a shard cannot be moved; null when it can. */
  private String problem(DeviceMap.Move move, Path from) throws IOException {
    if (SegmentFiles.hasNewerCopy(memory, from.resolve("journal"))) {
      return "its journal is in memory, as the node did not stop cleanly;"
          + " it moves when the node was stopped and starts again";
    }
    if (Files.exists(move.to().resolve(from.getFileName()))) {
      return "something is in its place there";
    }
    long needed = readCacheBytes;
    for (Path file : files(from)) {
      needed += Files.isRegularFile(file) ? Files.size(file) : 0;
    }
    long usable = Files.getFileStore(move.to()).getUsableSpace();
    return needed <= usable
        ? null
        : "it needs " + Sizes.format(needed) + ", and " + Sizes.format(usable) + " are free";
  }

  private static List<Path> files(Path tree) throws IOException {
    try (Stream<Path> all = Files.walk(tree)) {
      return all.filter(file -> !STAYS.matcher(tree.relativize(file).toString()).matches())
          .sorted()
          .toList();
    }
  }

  /** Directories come before what is in them, and are synced when all of it is there. */
  private static void copyTree(Path from, Path to) throws IOException {
    List<Path> files = files(from);
    ByteBuffer buffer = ByteBuffer.allocateDirect(COPY_BYTES);
    for (Path file : files) {
      Path copy = to.resolve(from.relativize(file));
      if (Files.isDirectory(file)) {
        Files.createDirectory(copy);
      } else {
        copyFile(file, copy, buffer);
      }
    }
    for (Path file : files.reversed()) {
      if (Files.isDirectory(file)) {
        NativeFile.syncDirectory(to.resolve(from.relativize(file)));
      }
    }
    NativeFile.syncDirectory(to.getParent());
  }

  private static void copyFile(Path from, Path to, ByteBuffer buffer) throws IOException {
    try (FileChannel source = FileChannel.open(from, StandardOpenOption.READ);
        FileChannel target =
            FileChannel.open(to, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      while (source.read(buffer.clear()) >= 0) {
        buffer.flip();
        while (buffer.hasRemaining()) {
          target.write(buffer);
        }
      }
      target.force(true);
    }
  }

  /** Drafts, and what lies beside the directory that counts. */
  private void deleteWhatWasLeft() throws IOException {
    for (DeviceMap.Place device : map.places()) {
      if (device.tier() != Tier.CACHE || device.problem() != null) {
        continue;
      }
      for (int shard = 0; shard < map.shardCount(); shard++) {
        String name = DeviceMap.directoryName(shard);
        DeviceMap.Place counts = map.cache(shard);
        Path here = device.directory().resolve(name);
        Path left = device.directory().resolve(name + LEFT);
        DeviceMap.deleteTree(device.directory().resolve(name + DRAFT));
        if (!counts.equals(device)
            && counts.problem() == null
            && Files.exists(here)
            && Files.exists(counts.directory().resolve(name))) {
          DeviceMap.deleteTree(left);
          Files.move(here, left, StandardCopyOption.ATOMIC_MOVE);
          NativeFile.syncDirectory(device.directory());
          steps.accept("left behind");
        }
        DeviceMap.deleteTree(left);
      }
    }
  }
}
