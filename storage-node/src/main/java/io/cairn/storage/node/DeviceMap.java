package io.cairn.storage.node;

import io.cairn.storage.device.Device.Tier;
import io.cairn.storage.device.DeviceFaults;
import io.cairn.storage.device.NativeFile;
import io.cairn.storage.device.TextFile;
import io.cairn.storage.replication.LostChunks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which of the node's devices each shard lies on. Given out in turns when the node begins, and then
 * remembered: by the name that each device carries, so that directories may be named in another
 * order or elsewhere, and what is missing is known as missing.
 *
 * <pre>
 * DATA/devices          cairn devices 1
 *                       device cache NAME mounted DIRECTORY
 *                       shard 0 NAME NAME 0
 *                       lost 0 VOLUME CHUNKS
 * DIRECTORY/device      cairn device 1
 *                       NAME
 * </pre>
 *
 * <p>A shard's line has its cache device, its capacity device, and the incarnation of the node that
 * found one of them replaced, 0 when none was. Then the lines with lost say how many chunks each
 * volume had at that time: of those the shard does not know which it held.
 *
 * <p>A device counts as replaced when its directory is there, empty and without a name, or when an
 * empty directory is configured and the device's own is not any more. The root of a file system is
 * never replaced by a directory of another one: what was forgotten to be mounted is missing.
 */
final class DeviceMap {
  private static final Logger LOG = LoggerFactory.getLogger(DeviceMap.class);
  private static final String TITLE = "cairn devices 1";
  private static final String DEVICE_TITLE = "cairn device 1";
  private static final String FILE = "devices";
  private static final String NAME_FILE = "device";
  private static final Set<String> IGNORED = Set.of("lost+found", DeviceFaults.FILE);

  /** A device that is remembered, or new. */
  private static final class Known {
    final Tier tier;
    String name;
    Path directory;
    boolean mounted;

    /** Whether its directory is to get a new name, and its shards are to begin anew. */
    boolean replaced;

    /** Whether its shards are to lie on other devices. */
    boolean leaving;

    /** Why it cannot be used; null when it can. */
    String problem = "is missing";

    Known(Tier tier, String name, Path directory, boolean mounted) {
      this.tier = tier;
      this.name = name;
      this.directory = directory;
      this.mounted = mounted;
    }

    void take(Path found) throws IOException {
      directory = found;
      mounted = isMountPoint(found);
      problem = null;
    }
  }

  private static final class Shard {
    Known cache;
    final Known capacity;
    long lostIncarnation;
    final Map<Long, Long> lostChunks = new TreeMap<>();

    Shard(Known cache, Known capacity, long lostIncarnation) {
      this.cache = cache;
      this.capacity = capacity;
      this.lostIncarnation = lostIncarnation;
    }
  }

  /**
   * Where something lies.
   *
   * @param problem why it cannot be used, with its name; null when it can.
   */
  record Place(Tier tier, Path directory, String problem) {}

  /** A shard that is to lie on another cache device; both can be used. */
  record Move(int shard, Path from, Path to) {}

  private final Path file;
  private final List<Known> devices = new ArrayList<>();
  private final List<Shard> shards = new ArrayList<>();

  private DeviceMap(Path file) {
    this.file = file;
  }

  /**
   * Looks at the devices, and changes nothing; {@link #settle} does.
   *
   * @param directory the node's data directory.
   * @param cache directories of cache devices, which may be missing.
   * @param leaving directories of cache devices whose shards are to lie on the others.
   * @param capacity directories of capacity devices, which may be missing.
   * @param hadShards whether the node has had stores before.
   * @throws IOException when what is remembered cannot be read.
   */
  static DeviceMap look(
      Path directory,
      List<Path> cache,
      List<Path> leaving,
      List<Path> capacity,
      int shardCount,
      boolean hadShards)
      throws IOException {
    DeviceMap map = new DeviceMap(directory.resolve(FILE));
    map.read();
    map.findLeaving(leaving);
    map.find(Tier.CACHE, cache);
    map.find(Tier.CAPACITY, capacity);
    map.spread(shardCount, hadShards);
    return map;
  }

  /** Whether the node has given its shards places. */
  static boolean isMade(Path directory) {
    return Files.exists(directory.resolve(FILE));
  }

  private void read() throws IOException {
    if (!Files.exists(file)) {
      return;
    }
    List<String> lines = Files.readAllLines(file);
    if (lines.isEmpty() || !lines.getFirst().equals(TITLE)) {
      throw new IOException(file + " is damaged, or of a newer release");
    }
    try {
      for (String line : lines.subList(1, lines.size())) {
        String[] words = line.split(" ", 5);
        if (words[0].equals("device")) {
          Tier tier = words[1].equals("cache") ? Tier.CACHE : Tier.CAPACITY;
          Path at = Path.of(words[4]);
          devices.add(new Known(tier, words[2], at, words[3].equals("mounted")));
        } else if (words[0].equals("lost")) {
          shards
              .get(Integer.parseInt(words[1]))
              .lostChunks
              .put(Long.parseLong(words[2]), Long.parseLong(words[3]));
        } else {
          shards.add(new Shard(named(words[2]), named(words[3]), Long.parseLong(words[4])));
        }
      }
    } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
      throw new IOException(file + " is damaged: " + e.getMessage(), e);
    }
  }

  private Known named(String name) {
    return devices.stream()
        .filter(device -> device.name.equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no device " + name));
  }

  private void find(Tier tier, List<Path> configured) throws IOException {
    List<Path> unknown = new ArrayList<>();
    for (Path directory : configured) {
      String name = null;
      try {
        name = nameIn(directory);
      } catch (IOException e) {
        complain(tier, directory, "cannot be read: " + e.getMessage());
        continue;
      }
      Known known = name == null ? null : known(tier, name);
      if (known != null) {
        known.take(directory.toAbsolutePath());
      } else if (name == null || shards.isEmpty()) {
        unknown.add(directory);
      } else {
        complain(tier, directory, "is not there, but device " + name + " is");
        LOG.error("{} holds the device {}, which is none of this node's", directory, name);
      }
    }
    for (Path directory : unknown) {
      takeNew(tier, directory, configured);
    }
  }

  /** One of which nothing is known has left before. */
  private void findLeaving(List<Path> configured) throws IOException {
    for (Path directory : configured) {
      String name = nameIn(directory);
      Known known = name == null ? missingAt(Tier.CACHE, directory) : known(Tier.CACHE, name);
      if (known == null) {
        LOG.info("nothing of this node is on {}: cache.leaving need not name it", directory);
      } else {
        known.leaving = true;
        if (name != null) {
          known.take(directory.toAbsolutePath());
        }
      }
    }
  }

  private Known known(Tier tier, String name) {
    return devices.stream()
        .filter(device -> device.tier == tier && device.name.equals(name))
        .findFirst()
        .orElse(null);
  }

  /** Says of the missing device that was there what has become of its directory. */
  private void complain(Tier tier, Path directory, String problem) {
    Known missing = missingAt(tier, directory);
    if (missing != null) {
      missing.problem = problem;
    }
  }

  private Known missingAt(Tier tier, Path directory) {
    return devices.stream()
        .filter(device -> device.tier == tier && device.problem != null && !device.replaced)
        .filter(device -> device.directory.equals(directory.toAbsolutePath()))
        .findFirst()
        .orElse(null);
  }

  /** A directory without a name: a device that is new, or in the place of another one. */
  private void takeNew(Tier tier, Path directory, List<Path> configured) throws IOException {
    List<Path> absolute = configured.stream().map(Path::toAbsolutePath).toList();
    Known gone = missingAt(tier, directory);
    if (gone == null && !shards.isEmpty()) {
      gone =
          devices.stream()
              .filter(device -> device.tier == tier && device.problem != null && !device.leaving)
              .filter(device -> !absolute.contains(device.directory))
              .findFirst()
              .orElse(null);
    }
    if (gone == null) {
      Known added = new Known(tier, newName(), directory.toAbsolutePath(), false);
      if (Files.isDirectory(directory)) {
        String name = nameIn(directory);
        added.name = name == null ? added.name : name;
        if (shards.isEmpty() || isEmpty(directory)) {
          added.take(directory.toAbsolutePath());
        } else {
          added.problem = "is new, but not empty";
          LOG.error("the {} device {} is not used: it is new, but not empty", tier, directory);
        }
      }
      devices.add(added);
    } else if (!Files.isDirectory(directory)) {
      gone.problem = "is missing";
    } else if (!isEmpty(directory)) {
      gone.problem = "has lost its name: " + directory + " is not empty and has no file device";
    } else if (gone.mounted && !isMountPoint(directory)) {
      gone.problem = "is not mounted";
    } else {
      gone.replaced = true;
      gone.take(directory.toAbsolutePath());
    }
  }

  private static String newName() {
    return UUID.randomUUID().toString();
  }

  /** Shards that have no place yet get one, those with stores from before where these are. */
  private void spread(int shardCount, boolean hadShards) {
    List<Known> cache = ofTier(Tier.CACHE);
    List<Known> capacity = ofTier(Tier.CAPACITY);
    for (int shard = shards.size(); shard < shardCount; shard++) {
      Path name = Path.of(directoryName(shard));
      Known old =
          cache.stream()
              .filter(device -> Files.isDirectory(device.directory.resolve(name)))
              .findFirst()
              .orElse(null);
      boolean lost = hadShards && old == null;
      shards.add(
          new Shard(
              old == null ? cache.get(shard % cache.size()) : old,
              old == null ? capacity.get(shard % capacity.size()) : capacity.getFirst(),
              lost ? -1 : 0));
    }
  }

  private List<Known> ofTier(Tier tier) {
    return devices.stream().filter(device -> device.tier == tier).toList();
  }

  static String directoryName(int shard) {
    return "shard-" + shard;
  }

  /** The shard's cache device. */
  Place cache(int shard) {
    return place(shards.get(shard).cache);
  }

  /** The shard's capacity device. */
  Place capacity(int shard) {
    return place(shards.get(shard).capacity);
  }

  /** All devices, those without shards too. */
  List<Place> places() {
    return devices.stream().map(DeviceMap::place).toList();
  }

  private static Place place(Known device) {
    String problem =
        device.problem == null
            ? null
            : device.tier + " device " + device.directory + " " + device.problem;
    return new Place(device.tier, device.directory, problem);
  }

  /** What the shard may have held on a device that was replaced. */
  LostChunks lost(int shard) {
    return new LostChunks(shards.get(shard).lostIncarnation, shards.get(shard).lostChunks);
  }

  /**
   * Gives devices their names, makes room for shards that begin anew, and remembers all of it. What
   * a crash leaves is done again by the next start.
   *
   * @param incarnation of the node now.
   * @param volumes asked when a shard begins anew.
   */
  void settle(long incarnation, ShardStores.Volumes volumes) throws IOException {
    for (int i = 0; i < shards.size(); i++) {
      Shard shard = shards.get(i);
      if (shard.cache.replaced || shard.capacity.replaced) {
        LOG.warn("shard {} begins anew on a replaced device: others have what it held", i);
        lose(shard, incarnation, volumes);
        forget(shard.cache, i);
      } else if (shard.lostIncarnation < 0) {
        LOG.warn("shard {} begins anew: its journal is gone", i);
        lose(shard, incarnation, volumes);
      }
    }
    for (Known device : devices) {
      if (device.replaced) {
        device.name = newName();
        device.replaced = false;
      }
      if (device.problem == null && !device.name.equals(nameIn(device.directory))) {
        TextFile.replace(
            device.directory.resolve(NAME_FILE), DEVICE_TITLE + "\n" + device.name + "\n");
      }
    }
    save();
  }

  /**
   * The next shard that is to lie on another cache device: one on a device that leaves, or, when
   * there is none, one of the device that has the most, as long as another has two less.
   *
   * @param staying shards that cannot be moved.
   * @return null when all lie well.
   */
  Move nextMove(Set<Integer> staying) {
    Known to =
        devices.stream()
            .filter(
                device -> device.tier == Tier.CACHE && device.problem == null && !device.leaving)
            .min(Comparator.comparingInt(this::shardCount))
            .orElse(null);
    if (to == null) {
      return null;
    }
    int best = -1;
    for (int i = 0; i < shards.size(); i++) {
      Known from = shards.get(i).cache;
      boolean may = from != to && from.problem == null && !staying.contains(i);
      boolean uneven = shardCount(from) > shardCount(to) + 1;
      if (may
          && (from.leaving || uneven)
          && (best < 0 || urgency(from) > urgency(shards.get(best).cache))) {
        best = i;
      }
    }
    return best < 0 ? null : new Move(best, shards.get(best).cache.directory, to.directory);
  }

  private int urgency(Known from) {
    return from.leaving ? Integer.MAX_VALUE : shardCount(from);
  }

  private int shardCount(Known cache) {
    return (int) shards.stream().filter(shard -> shard.cache == cache).count();
  }

  /** The shard's files lie there: remembered in one step. */
  void moved(Move move) throws IOException {
    for (Known device : devices) {
      if (device.tier == Tier.CACHE && device.directory.equals(move.to())) {
        shards.get(move.shard()).cache = device;
      }
    }
    save();
  }

  /** Forgets devices that leave and have no shards any more; tells which. */
  List<Path> forgetEmptied() throws IOException {
    List<Known> emptied =
        devices.stream()
            .filter(device -> device.leaving && device.problem == null && shardCount(device) == 0)
            .toList();
    if (emptied.isEmpty()) {
      return List.of();
    }
    devices.removeAll(emptied);
    save();
    for (Known device : emptied) {
      Files.deleteIfExists(device.directory.resolve(NAME_FILE));
      NativeFile.syncDirectory(device.directory);
    }
    return emptied.stream().map(device -> device.directory).toList();
  }

  /** How many shards the node has. */
  int shardCount() {
    return shards.size();
  }

  private void save() throws IOException {
    StringBuilder text = new StringBuilder(TITLE).append('\n');
    for (Known device : devices) {
      text.append(
          "device %s %s %s %s%n"
              .formatted(device.tier, device.name, mounted(device), device.directory));
    }
    for (int i = 0; i < shards.size(); i++) {
      Shard shard = shards.get(i);
      text.append(
          "shard %d %s %s %d%n"
              .formatted(i, shard.cache.name, shard.capacity.name, shard.lostIncarnation));
    }
    for (int i = 0; i < shards.size(); i++) {
      for (Map.Entry<Long, Long> lost : shards.get(i).lostChunks.entrySet()) {
        text.append("lost %d %d %d%n".formatted(i, lost.getKey(), lost.getValue()));
      }
    }
    if (!Files.exists(file) || !Files.readString(file).contentEquals(text)) {
      TextFile.replace(file, text.toString());
    }
  }

  private static void lose(Shard shard, long incarnation, ShardStores.Volumes volumes)
      throws IOException {
    shard.lostIncarnation = incarnation;
    shard.lostChunks.clear();
    shard.lostChunks.putAll(volumes.chunkCounts());
  }

  private static String mounted(Known device) {
    return device.mounted ? "mounted" : "below";
  }

  /** Numbers of the shards that are on the device. */
  List<Integer> shardsOn(Place place) {
    return IntStream.range(0, shards.size())
        .filter(i -> cache(i).equals(place) || capacity(i).equals(place))
        .boxed()
        .toList();
  }

  /** In one step out of the way: half a journal would be taken for a damaged one. */
  private static void forget(Known cache, int shard) throws IOException {
    Path stores = cache.directory.resolve(directoryName(shard));
    Path away = cache.directory.resolve(directoryName(shard) + ".lost");
    deleteTree(away);
    if (cache.problem == null && Files.exists(stores)) {
      Files.move(stores, away, StandardCopyOption.ATOMIC_MOVE);
      NativeFile.syncDirectory(cache.directory);
      deleteTree(away);
    }
  }

  static void deleteTree(Path tree) throws IOException {
    if (Files.exists(tree)) {
      try (Stream<Path> all = Files.walk(tree)) {
        for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }

  private static String nameIn(Path directory) throws IOException {
    try {
      List<String> lines = Files.readAllLines(directory.resolve(NAME_FILE));
      if (lines.size() != 2 || !lines.getFirst().equals(DEVICE_TITLE)) {
        throw new IOException(directory.resolve(NAME_FILE) + " is damaged");
      }
      return lines.get(1);
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  private static boolean isEmpty(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.allMatch(entry -> IGNORED.contains(entry.getFileName().toString()));
    }
  }

  private static boolean isMountPoint(Path directory) throws IOException {
    Path real = directory.toRealPath();
    return real.getParent() == null
        || !Files.getAttribute(real, "unix:dev")
            .equals(Files.getAttribute(real.getParent(), "unix:dev"));
  }
}
