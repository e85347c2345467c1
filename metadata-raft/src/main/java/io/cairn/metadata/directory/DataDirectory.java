package io.cairn.metadata.directory;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * A server's data directory: made when there is none, held by one process at a time, and refused
 * when it is another server's, another cluster's or of a newer format. Each opening is counted in
 * the durable incarnation before anything else is done with the directory.
 *
 * <p>Files: {@code LOCK}, with the holder's process id, and {@code IDENTITY}, replaced by a rename.
 */
public final class DataDirectory implements AutoCloseable {
  private static final String LOCK = "LOCK";
  private static final String IDENTITY = "IDENTITY";
  private static final String IDENTITY_NEW = "IDENTITY.new";
  private static final int IDENTITY_LENGTH_MAX = 4096;

  /** What an empty directory may hold: ours from an opening that was cut off, and ext4's. */
  private static final Set<String> NOT_FOREIGN = Set.of(LOCK, IDENTITY_NEW, IDENTITY, "lost+found");

  /**
   * Directories that this process holds. The kernel's lock is the process's: a second channel to
   * the file in the same process would release it when closed, so none may be opened.
   */
  private static final Set<Path> HELD = new TreeSet<>();

  private final Path path;
  private final Path real;
  private final FileChannel lock;
  private Identity identity;

  private DataDirectory(Path path, Path real, FileChannel lock) {
    this.path = path;
    this.real = real;
    this.lock = lock;
  }

  /**
   * Opens a directory and counts the incarnation up.
   *
   * @param role the server's, such as {@code storage}.
   * @param clusterIdOr0 the cluster that the server belongs to, when it already knows.
   * @throws DataDirectoryException with one line that names the directory and says what is wrong.
   */
  public static DataDirectory open(Path path, String role, long clusterIdOr0)
      throws DataDirectoryException {
    DataDirectory directory;
    try {
      Files.createDirectories(path);
      directory = locked(path);
    } catch (DataDirectoryException e) {
      throw e;
    } catch (IOException e) {
      throw refusal(path, "cannot be used: " + reason(e), e);
    }
    try {
      Identity found = directory.read(role);
      directory.check(found, role, clusterIdOr0);
      directory.write(found.opened());
      return directory;
    } catch (IOException e) {
      directory.close();
      throw e instanceof DataDirectoryException refused
          ? refused
          : refusal(path, "cannot be used: " + reason(e), e);
    }
  }

  private static DataDirectory locked(Path path) throws IOException {
    Path real = path.toRealPath();
    synchronized (HELD) {
      if (!HELD.add(real)) {
        throw refusal(path, "is in use by this process", null);
      }
    }
    FileChannel channel = null;
    try {
      channel =
          FileChannel.open(
              real.resolve(LOCK),
              StandardOpenOption.CREATE,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE);
      if (channel.tryLock() == null) {
        ByteBuffer holder = ByteBuffer.allocate(20);
        channel.read(holder, 0);
        throw refusal(
            path,
            "is in use by process "
                + new String(holder.array(), 0, holder.position(), StandardCharsets.US_ASCII)
                    .replaceAll("\\D", ""),
            null);
      }
      channel.truncate(0);
      byte[] pid = (ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.US_ASCII);
      channel.write(ByteBuffer.wrap(pid), 0);
      return new DataDirectory(path, real, channel);
    } catch (IOException e) {
      release(real, channel);
      throw e;
    }
  }

  private static void release(Path real, FileChannel channel) throws IOException {
    try {
      if (channel != null) {
        channel.close();
      }
    } finally {
      synchronized (HELD) {
        HELD.remove(real);
      }
    }
  }

  private Identity read(String role) throws IOException {
    Path file = real.resolve(IDENTITY);
    if (!Files.exists(file)) {
      try (Stream<Path> entries = Files.list(real)) {
        String foreign =
            entries
                .map(entry -> entry.getFileName().toString())
                .filter(name -> !NOT_FOREIGN.contains(name))
                .sorted()
                .findFirst()
                .orElse(null);
        if (foreign != null) {
          throw refusal(
              path,
              "holds "
                  + foreign
                  + " but no IDENTITY: it is no data directory of Cairn; name an"
                  + " empty one",
              null);
        }
      }
      SecureRandom random = new SecureRandom();
      return new Identity(role, 0, random.nextLong(), random.nextLong(), 0, 0);
    }
    try (var in = Files.newInputStream(file)) {
      return Identity.decode(in.readNBytes(IDENTITY_LENGTH_MAX));
    } catch (IllegalArgumentException e) {
      throw refusal(path, "cannot be used: its IDENTITY " + e.getMessage(), e);
    }
  }

  private void check(Identity found, String role, long clusterId) throws DataDirectoryException {
    if (!found.role().equals(role)) {
      throw refusal(
          path, "belongs to a " + found.role() + " server, this is a " + role + " server", null);
    }
    if (clusterId != 0 && found.clusterId() != 0 && found.clusterId() != clusterId) {
      throw refusal(path, otherCluster(found.clusterId(), clusterId), null);
    }
  }

  private static String otherCluster(long its, long servers) {
    return "belongs to cluster "
        + Long.toHexString(its)
        + ", this server to cluster "
        + Long.toHexString(servers);
  }

  /** Where it is, as it was given. */
  public Path path() {
    return path;
  }

  /** Whose it is, with this opening's incarnation. */
  public synchronized Identity identity() {
    return identity;
  }

  /**
   * Stores, durably, which cluster and node the directory belongs to from now on.
   *
   * @param nodeId 0 for roles that have none.
   * @throws DataDirectoryException when it already belongs to another cluster or node.
   */
  public synchronized void join(long clusterId, long nodeId) throws DataDirectoryException {
    if (clusterId == 0) {
      throw new IllegalArgumentException("cluster id 0 is reserved");
    }
    if (identity.clusterId() != 0 && identity.clusterId() != clusterId) {
      throw refusal(path, otherCluster(identity.clusterId(), clusterId), null);
    }
    if (identity.nodeId() != 0 && identity.nodeId() != nodeId) {
      throw refusal(
          path, "belongs to node " + identity.nodeId() + ", this server is " + nodeId, null);
    }
    Identity joined = identity.joined(clusterId, nodeId);
    if (!joined.equals(identity)) {
      try {
        write(joined);
      } catch (IOException e) {
        throw refusal(path, "cannot be written: " + reason(e), e);
      }
    }
  }

  private synchronized void write(Identity next) throws IOException {
    Path temporary = real.resolve(IDENTITY_NEW);
    try (FileChannel channel =
        FileChannel.open(
            temporary,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      ByteBuffer bytes = ByteBuffer.wrap(next.encode());
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
      channel.force(true);
    }
    Files.move(temporary, real.resolve(IDENTITY), StandardCopyOption.ATOMIC_MOVE);
    // The rename is durable when the directory is.
    try (FileChannel parent = FileChannel.open(real, StandardOpenOption.READ)) {
      parent.force(true);
    }
    identity = next;
  }

  private static DataDirectoryException refusal(Path path, String why, Throwable cause) {
    return new DataDirectoryException("data directory " + path + " " + why, cause);
  }

  private static String reason(IOException e) {
    if (e instanceof AccessDeniedException) {
      return "permission denied";
    }
    if (e instanceof java.nio.file.FileAlreadyExistsException) {
      return "there is a file of this name";
    }
    String reason = e instanceof FileSystemException f ? f.getReason() : null;
    return reason != null ? reason : String.valueOf(e.getMessage());
  }

  /** Gives the directory up; another process may open it. */
  @Override
  public void close() throws DataDirectoryException {
    try {
      release(real, lock);
    } catch (IOException e) {
      throw refusal(path, "cannot be closed: " + reason(e), e);
    }
  }
}
