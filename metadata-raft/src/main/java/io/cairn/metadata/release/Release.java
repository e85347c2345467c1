package io.cairn.metadata.release;

/**
 * This build. Its level numbers what it writes to disks, to the log and to other servers: a release
 * that adds a command, a message or a format has the next one, and uses the new only once the
 * cluster's level, which an operator raises when all servers are new, is as high. It reads and
 * writes everything of the level below.
 *
 * <p>Level 1: the first. Level 2: {@link #LEVEL_OF_TIERS}. Level 3: {@link #LEVEL_OF_LOSSES} and
 * {@link #LEVEL_OF_SHARDS}. Level 4: {@link #LEVEL_OF_CACHE_SIZES}. Level 5: {@link
 * #LEVEL_OF_SERVING_SHARDS}. Level 6: {@link #LEVEL_OF_EVENTS}.
 */
public final class Release {
  /** Plays a server of another level, to rehearse an upgrade: a number from 1. */
  static final String LEVEL_PROPERTY = "cairn.release.level";

  /** From here on a volume may say what the nodes' fast devices are to do for it. */
  public static final int LEVEL_OF_TIERS = 2;

  /**
   * From here on chunks may be recovered that lost something with devices, whose nodes live, and
   * those of which nothing is left begin anew by their age.
   */
  public static final int LEVEL_OF_LOSSES = 3;

  /** From here on replicas on shards that are out of service are placed anew on other nodes. */
  public static final int LEVEL_OF_SHARDS = 3;

  /** From here on an operator may say how large a node's cache tier is to be. */
  public static final int LEVEL_OF_CACHE_SIZES = 4;

  /** From here on a node that lacks shards gets new chunks of those that serve. */
  public static final int LEVEL_OF_SERVING_SHARDS = 5;

  /** From here on the metadata keeps what happened to the cluster, for operators. */
  public static final int LEVEL_OF_EVENTS = 6;

  private static final int HIGHEST = LEVEL_OF_EVENTS;

  private static final int LEVEL = Math.max(1, Integer.getInteger(LEVEL_PROPERTY, HIGHEST));

  private Release() {}

  /** Such as 1.2.0, as the build wrote it into the archive. */
  public static String name() {
    String written = Release.class.getPackage().getImplementationVersion();
    return written == null ? "(not packaged)" : written;
  }

  /** Highest level of which this build knows everything. */
  public static int level() {
    return LEVEL;
  }

  /** What was written before there were levels says 0 or nothing: that is level 1. */
  public static int of(int written) {
    return Math.max(1, written);
  }
}
