package io.cairn.bench.sim;

import io.cairn.bench.check.InvariantViolation;
import io.cairn.bench.sim.StoreModel.Chunk;
import io.cairn.metadata.model.CacheMode;
import io.cairn.metadata.model.VolumeTier;
import io.cairn.storage.chunk.ChunkId;
import io.cairn.storage.journal.JournalIdentity;
import io.cairn.storage.journal.JournaledStore;
import io.cairn.storage.journal.StoreLoop;
import io.cairn.storage.journal.StoreSettings;
import io.cairn.storage.replication.ShardStore;
import io.cairn.storage.wire.Crc32c;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.TreeMap;

/**
 * The production's store over simulated devices, whose fault model stands at {@link SimDevice},
 * beside a model of what it must hold. A recovery must come back with a prefix of what was appended
 * that holds what was durable, and all of it when only the process died.
 */
final class RealStore implements SimStore {
  private static final int SEGMENT_BYTES = 96 << 10;

  /** In one life out of so many an operator wants the journal kept flushed. */
  private static final int LIVES_PER_FLUSH = 4;

  /** In one life out of so many the journal is resized again and again. */
  private static final int LIVES_PER_RESIZES = 2;

  private static final long RESIZE_NANOS_MIN = 1_000_000L;
  private static final long RESIZE_NANOS_MAX = 400_000_000L;
  private static final long TIERS_NANOS_MIN = 20_000_000L;
  private static final long TIERS_NANOS_MAX = 1_500_000_000L;

  private final SimWorld world;
  private final SimRandom random;
  private final StoreModel model;
  private final JournalIdentity identity;
  private final SimDevice device;
  private final SimReadCache cache;
  private final StoreSettings settings;
  private final RotMarks rotten = new RotMarks();
  private JournaledStore store;
  private long life;
  private long durableLsn;
  private boolean powerLost;

  RealStore(SimWorld world, SimRandom random, StoreModel model, long nodeId, int shard) {
    this.world = world;
    this.random = random;
    this.model = model;
    identity = new JournalIdentity(SimCluster.CLUSTER_ID, nodeId, shard);
    device = new SimDevice(world, random.split(), SEGMENT_BYTES, 4 + random.below(5));
    cache = random.oneIn(4) ? null : new SimReadCache(random.split(), 1 + random.below(200));
    settings =
        new StoreSettings(10_000_000L, 64 << 10, 50, 25, 3, random.below(4), 100_000_000L, 50, 128);
  }

  @Override
  public Session open(SimProcess process, SimPayload.Ledger ledger) {
    device.restarted(process);
    long before = durableLsn();
    try {
      store =
          JournaledStore.open(
              identity,
              device.segments(),
              ++life,
              device,
              device,
              new Loop(process),
              length -> SimPayload.of(ledger, new byte[length]),
              settings,
              cache);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    // The last record is this life's own.
    int recovered = model.count(store.appendedLsn() - 1);
    if (recovered < model.count(before)) {
      throw new InvariantViolation(
          "I7",
          "recovered "
              + recovered
              + " records of "
              + model.count()
              + ", but "
              + model.count(before)
              + " were durable");
    }
    if (!powerLost && recovered < model.count()) {
      throw new InvariantViolation(
          "I7", "a kill lost " + (model.count() - recovered) + " of " + model.count());
    }
    world.log("store: recovers " + recovered + " of " + model.count() + " records");
    // What a power loss left is on the device. After a kill it may stand in memory alone until the
    // store has synced it, which it does not claim before.
    long endLsn = model.endOf(recovered);
    durableLsn = powerLost ? endLsn : before;
    powerLost = false;
    model.cut(endLsn);
    ShadowedStore shadowed = new ShadowedStore(store, model);
    shadowed.compareAll(endLsn);
    JournaledStore opened = store;
    long openedLife = life;
    return new Session() {
      @Override
      public ShardStore store() {
        return shadowed;
      }

      @Override
      public void start(ShardStore.Listener shard) {
        opened.start(shadowed.listening(shard));
        if ((identity.nodeId() + openedLife) % LIVES_PER_FLUSH == 0) {
          opened.keepFlushed(true);
        }
        // Not of the seed's own draws: what it drew before there were modes, it draws still.
        SimRandom draws =
            new SimRandom(identity.nodeId() << 16 ^ identity.shard() << 8 ^ openedLife);
        if (draws.oneIn(2)) {
          setTiers(process, opened, draws);
        }
        if (draws.oneIn(LIVES_PER_RESIZES)) {
          resize(process, opened, draws);
        }
      }
    };
  }

  /**
   * Somebody has journal and read cache grow and shrink, from the start of this life on, while it
   * is used.
   */
  private void resize(SimProcess process, JournaledStore opened, SimRandom draws) {
    opened.resizeJournal(draws.between(4, 12) * SEGMENT_BYTES, device);
    if (cache != null) {
      opened.resizeReadCache(1 + draws.below(200));
    }
    world.after(
        process,
        draws.between(RESIZE_NANOS_MIN, RESIZE_NANOS_MAX),
        () -> {
          if (opened == store) {
            resize(process, opened, draws);
          }
        });
  }

  /** Somebody sets how volumes use the tier, again and again while they are in use. */
  private void setTiers(SimProcess process, JournaledStore opened, SimRandom draws) {
    Map<Long, VolumeTier> tiers = new TreeMap<>();
    for (long volumeId : opened.volumes()) {
      CacheMode mode = CacheMode.values()[draws.below(CacheMode.values().length)];
      tiers.put(volumeId, new VolumeTier(mode, draws.oneIn(2)));
    }
    opened.volumeTiers(tiers);
    world.after(
        process,
        draws.between(TIERS_NANOS_MIN, TIERS_NANOS_MAX),
        () -> {
          if (opened == store) {
            setTiers(process, opened, draws);
          }
        });
  }

  /** The loop of one life of the process, and the threads behind it. */
  private final class Loop implements StoreLoop {
    private final SimProcess process;

    Loop(SimProcess process) {
      this.process = process;
    }

    @Override
    public void onLoop(Runnable task) {
      world.after(process, random.between(1_000L, 20_000L), task);
    }

    @Override
    public void offLoop(Runnable task) {
      long nanos = random.between(10_000L, random.oneIn(10) ? 20_000_000L : 2_000_000L);
      world.after(process, nanos + device.slowNanos, task);
    }

    @Override
    public long nowNanos() {
      return world.nowNanos();
    }

    @Override
    public void later(long delayNanos, Runnable task) {
      world.after(process, delayNanos, task);
    }
  }

  @Override
  public StoreModel model() {
    return model;
  }

  @Override
  public long durableLsn() {
    return store == null ? 0 : Math.max(durableLsn, store.durableLsn());
  }

  @Override
  public boolean hasUnsyncedSegments() {
    return store != null
        && store.appendedLsn() / SEGMENT_BYTES > store.durableLsn() / SEGMENT_BYTES;
  }

  @Override
  public void losePower() {
    powerLost = true;
    model.powerLost(world.nowNanos());
    device.losePower();
    if (cache != null) {
      cache.losePower();
    }
  }

  @Override
  public void replace() {
    model.replaced(world.nowNanos());
    device.replace();
    rotten.clear();
    store = null;
    durableLsn = 0;
  }

  @Override
  public void setFull(boolean value) {
    device.full = value;
  }

  @Override
  public void setSpaceless(boolean value) {
    device.spaceless = value;
  }

  @Override
  public void setSlow(long nanos) {
    device.slowNanos = nanos;
  }

  @Override
  public void fail() {
    device.fail();
  }

  @Override
  public boolean isFailed() {
    return device.isFailed();
  }

  @Override
  public void heal() {
    device.full = false;
    device.spaceless = false;
    device.slowNanos = 0;
  }

  @Override
  public boolean rot(Chunk chunk, int block) {
    // Zeroes are known by the index, and no device is read for them: nothing of them can rot.
    boolean zeroes = chunk.crcs[block] == Crc32c.ZERO_BLOCK;
    if (zeroes || chunk.lsns[block] > device.checkpointLsn()) {
      return false;
    }
    boolean done = device.rot(new ChunkId(chunk.volumeId(), chunk.layer(), chunk.index()), block);
    if (done) {
      rotten.mark(chunk, block);
    }
    return done;
  }

  @Override
  public boolean isSound(Chunk chunk, int block) {
    return !rotten.isMarked(chunk, block) && StoreModel.sound(chunk, block);
  }
}
