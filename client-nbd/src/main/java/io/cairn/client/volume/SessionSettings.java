package io.cairn.client.volume;

/**
 * What a session is told.
 *
 * @param gateway name of the gateway, recorded as owner.
 * @param instance number of the gateway's process life.
 * @param address where the gateway can be reached, for people.
 * @param leaseNanos T of invariant I4: how long a confirmation of the generation lasts.
 * @param demoteAfterNanos how long a replica may be unreachable before it leaves the in-sync set.
 * @param windowBytesMax bytes of writes that are kept until they are durable everywhere.
 * @param windowEntriesMax number of writes that are kept until they are durable everywhere.
 * @param catchUpsMax chunks that catch up at one time.
 * @param pace bounds the chunks that catch up at one time over all volumes of the gateway.
 * @param requestTimeoutNanos after which a request fails instead of waiting on; 0 for never.
 * @param maintainsGeneration the generation in which the volume was offered for maintenance: the
 *     session takes it only from there; -1 for a session that serves clients.
 * @param takesGeneration the generation from which a session that serves clients takes the volume;
 *     -1 for whatever it is.
 * @param mapPage chunks whose records are asked for at one time, 1 to 4096.
 * @param scrub when chunks are scrubbed, and how fast.
 */
public record SessionSettings(
    String gateway,
    long instance,
    String address,
    long leaseNanos,
    long demoteAfterNanos,
    long windowBytesMax,
    int windowEntriesMax,
    int catchUpsMax,
    CatchUpPace pace,
    long requestTimeoutNanos,
    long maintainsGeneration,
    long takesGeneration,
    int mapPage,
    ScrubSettings scrub) {
  /** The defaults of a gateway with one volume; who has several gives them all the same pace. */
  public static SessionSettings of(String gateway, long instance, String address) {
    return new SessionSettings(
        gateway,
        instance,
        address,
        2_000_000_000L,
        1_000_000_000L,
        64L << 20,
        16 << 10,
        4,
        CatchUpPace.ofGateway(RepairRate.unbounded()),
        0,
        -1,
        -1,
        1024,
        ScrubSettings.onRequest());
  }

  /** The same, beside other sessions of that pace, which run on the same loop. */
  public SessionSettings withPace(CatchUpPace shared) {
    return new SessionSettings(
        gateway,
        instance,
        address,
        leaseNanos,
        demoteAfterNanos,
        windowBytesMax,
        windowEntriesMax,
        catchUpsMax,
        shared,
        requestTimeoutNanos,
        maintainsGeneration,
        takesGeneration,
        mapPage,
        scrub);
  }

  /** The same with other bounds of the window. */
  public SessionSettings withWindow(long bytesMax, int entriesMax) {
    return new SessionSettings(
        gateway,
        instance,
        address,
        leaseNanos,
        demoteAfterNanos,
        bytesMax,
        entriesMax,
        catchUpsMax,
        pace,
        requestTimeoutNanos,
        maintainsGeneration,
        takesGeneration,
        mapPage,
        scrub);
  }

  /** The same with another time after which requests fail; 0 for never. */
  public SessionSettings withRequestTimeout(long nanos) {
    return new SessionSettings(
        gateway,
        instance,
        address,
        leaseNanos,
        demoteAfterNanos,
        windowBytesMax,
        windowEntriesMax,
        catchUpsMax,
        pace,
        nanos,
        maintainsGeneration,
        takesGeneration,
        mapPage,
        scrub);
  }

  /** The same for a session that mends a volume that was offered in that generation. */
  public SessionSettings forMaintenance(long offeredGeneration) {
    return new SessionSettings(
        gateway,
        instance,
        address,
        leaseNanos,
        demoteAfterNanos,
        windowBytesMax,
        windowEntriesMax,
        catchUpsMax,
        pace,
        requestTimeoutNanos,
        offeredGeneration,
        -1,
        mapPage,
        scrub);
  }

  /** The same for a session that takes the volume from that generation only; -1 for any. */
  public SessionSettings taking(long generation) {
    return new SessionSettings(
        gateway,
        instance,
        address,
        leaseNanos,
        demoteAfterNanos,
        windowBytesMax,
        windowEntriesMax,
        catchUpsMax,
        pace,
        requestTimeoutNanos,
        maintainsGeneration,
        generation,
        mapPage,
        scrub);
  }

  /** The same with other times and another rate of scrubs. */
  public SessionSettings withScrub(ScrubSettings newScrub) {
    return new SessionSettings(
        gateway,
        instance,
        address,
        leaseNanos,
        demoteAfterNanos,
        windowBytesMax,
        windowEntriesMax,
        catchUpsMax,
        pace,
        requestTimeoutNanos,
        maintainsGeneration,
        takesGeneration,
        mapPage,
        newScrub);
  }

  /** The same with fewer or more records that are asked for at one time. */
  public SessionSettings withMapPage(int chunks) {
    return new SessionSettings(
        gateway,
        instance,
        address,
        leaseNanos,
        demoteAfterNanos,
        windowBytesMax,
        windowEntriesMax,
        catchUpsMax,
        pace,
        requestTimeoutNanos,
        maintainsGeneration,
        takesGeneration,
        chunks,
        scrub);
  }
}
