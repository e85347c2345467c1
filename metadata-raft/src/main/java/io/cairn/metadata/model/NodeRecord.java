package io.cairn.metadata.model;

/**
 * A storage node.
 *
 * @param nodeId given by the metadata, never reused.
 * @param storeIdHigh with storeIdLow, the random identity that the node wrote to its empty data
 *     directory: an emptied directory is a new node.
 * @param incarnation number of the node's current process life.
 * @param shardCount number of shards; fixed for the life of the store.
 * @param departure set when the node is to leave: it gets nothing new; null when it stays.
 * @param flushing whether an operator wants its journals destaged, now and for as long as this is
 *     set, so that its cache devices can be serviced.
 * @param flushRequest number of the last request for that, from 1; 0 when there was none, or when a
 *     release made it that did not number them. What a node says of a flush, it says of one
 *     request.
 * @param cache what an operator wants its cache tier to be; null for what its options say, and from
 *     a level below {@link io.cairn.metadata.release.Release#LEVEL_OF_CACHE_SIZES}.
 */
public record NodeRecord(
    long nodeId,
    long storeIdHigh,
    long storeIdLow,
    String name,
    String host,
    int port,
    String zone,
    String rack,
    String hostLabel,
    long capacityBytes,
    int shardCount,
    long incarnation,
    Departure departure,
    boolean flushing,
    long flushRequest,
    CacheWish cache) {
  /** One that stays. */
  public NodeRecord(
      long nodeId,
      long storeIdHigh,
      long storeIdLow,
      String name,
      String host,
      int port,
      String zone,
      String rack,
      String hostLabel,
      long capacityBytes,
      int shardCount,
      long incarnation) {
    this(
        nodeId,
        storeIdHigh,
        storeIdLow,
        name,
        host,
        port,
        zone,
        rack,
        hostLabel,
        capacityBytes,
        shardCount,
        incarnation,
        null,
        false,
        0,
        null);
  }

  /** The same node, to leave that way; null for one that stays. */
  public NodeRecord leaving(Departure newDeparture) {
    return with(newDeparture, flushing, flushRequest, cache);
  }

  /** The same node, whose journals are to be kept destaged, or not any more. */
  public NodeRecord flushing(boolean newFlushing) {
    return with(departure, newFlushing, newFlushing ? flushRequest + 1 : flushRequest, cache);
  }

  /** The same node, whose cache tier is to be like that. */
  public NodeRecord cached(CacheWish wish) {
    return with(departure, flushing, flushRequest, wish.equals(CacheWish.NONE) ? null : wish);
  }

  /** What its cache tier is to be; never null. */
  public CacheWish wish() {
    return cache == null ? CacheWish.NONE : cache;
  }

  private NodeRecord with(
      Departure newDeparture, boolean newFlushing, long newFlushRequest, CacheWish newCache) {
    return new NodeRecord(
        nodeId,
        storeIdHigh,
        storeIdLow,
        name,
        host,
        port,
        zone,
        rack,
        hostLabel,
        capacityBytes,
        shardCount,
        incarnation,
        newDeparture,
        newFlushing,
        newFlushRequest,
        newCache);
  }
}
