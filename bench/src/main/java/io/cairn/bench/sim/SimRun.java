package io.cairn.bench.sim;

import io.cairn.bench.check.InvariantViolation;
import io.cairn.client.volume.VolumeSession;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import java.util.Arrays;
import java.util.List;

/**
 * One run from one seed: a cluster, its clients and its faults; then everything heals, and what
 * must hold of a whole cluster is demanded.
 *
 * <pre>
 * faults (some virtual seconds) -- heal -- every request answered -- every replica in sync
 *   -- what is unreadable is written, what rots is mended -- read everything -- released -- replicas equal, nothing leaked, histories linearizable
 * </pre>
 */
final class SimRun {
  private static final long SECOND = 1_000_000_000L;
  private static final long UNATTACHED_SALT = 0x0FF1_0000_0008L;
  private static final long SETTLE_NANOS = 6 * SECOND;
  private static final long HEAL_LIMIT_NANOS = 90 * SECOND;

  private final long seed;
  private final Stores stores;
  private final SimRandom random;
  private final Trace trace;
  private final SimWorld world;
  private final SimCluster cluster;
  private final SimWorkload workload;
  private final SimFaults faults;
  private final SimScrubs scrubs;
  private final SimLostCopies lost;
  private final SimMoves moves;
  private final SimStrays strays;
  private final SimFailedShards failed;
  private final SimLostDevices lostDevices;
  private final SimReplacedAlone replacedAlone;
  private final SimUnreadable unreadable;
  private final SimScans scans;
  private final SimMaintenance maintenance;
  private final SimFirstWrites firstWrites;
  private final SimKeeps keeps;
  private final SimExtents extents;
  private final SimTornJournals torn;
  private final long faultsEndNanos;
  private final SimCluster.Shape shape;
  private final boolean devices;

  /** Which stores the nodes have. */
  enum Stores {
    /** The production's, over simulated devices. */
    REAL,
    /** In memory. */
    MODEL,
    /** As the seed decides. */
    EITHER
  }

  SimRun(long seed, boolean print) {
    this(seed, print, Stores.EITHER, false);
  }

  /** What a run came to. */
  record Result(long traceHash, long events, long requests) {}

  /**
   * A run.
   *
   * @param devices whether devices hang and are replaced as well; the draws of a seed are others
   *     then.
   */
  SimRun(long seed, boolean print, Stores stores, boolean devices) {
    this.seed = seed;
    this.stores = stores;
    this.devices = devices;
    trace = new Trace(print);
    world = new SimWorld(trace);
    random = new SimRandom(seed);
    int nodeCount = 3 + random.below(4);
    boolean pair = random.oneIn(5);
    shape =
        new SimCluster.Shape(
            nodeCount,
            1 + random.below(3),
            pair ? 2 : 3,
            pair ? 1 : 2,
            6 + random.below(15),
            stores == Stores.EITHER ? random.oneIn(2) : stores == Stores.REAL,
            SimCluster.Knobs.of(seed));
    cluster = new SimCluster(world, random.split(), shape);
    workload = new SimWorkload(cluster, random.split(), shape.chunkCount());
    faultsEndNanos = world.nowNanos() + random.between(SECOND, 12 * SECOND);
    faults = new SimFaults(cluster, random.split(), faultsEndNanos, devices);
    scrubs = new SimScrubs(cluster, seed);
    maintenance = new SimMaintenance(cluster);
    lost = new SimLostCopies(cluster, faults, seed, devices);
    moves = new SimMoves(cluster, faults, seed);
    strays = new SimStrays(cluster, seed);
    failed = new SimFailedShards(cluster, faults, seed, devices);
    lostDevices = new SimLostDevices(cluster, faults, seed, devices);
    replacedAlone = new SimReplacedAlone(cluster, faults, seed, devices);
    unreadable = new SimUnreadable(cluster, faults, seed, devices);
    workload.uses(unreadable);
    scans = new SimScans(cluster, workload, seed);
    firstWrites = new SimFirstWrites(cluster, faults, workload, seed);
    keeps = new SimKeeps(cluster, seed);
    extents = new SimExtents(cluster, workload, seed);
    torn = new SimTornJournals(cluster, faults, seed);
    if (!scrubs.isEmpty()) {
      cluster.gateways().forEach(gateway -> gateway.scrubs(scrubs.settings()));
    }
    cluster.gateways().forEach(workload::addReader);
    for (int i = 0; i < 2 + random.below(3); i++) {
      workload.addClient(cluster.gateways().get(0));
      workload.addClient(cluster.gateways().get(1));
    }
  }

  /** Runs; a violation comes with the seed and the last events. */
  Result run() {
    try {
      trace.add(world.nowNanos(), "seed " + seed + " " + shape + " " + faults.text());
      cluster.gateways().getFirst().attach();
      if (random.oneIn(3)) {
        new DoomedClient(cluster, random.split()).begin();
      }
      cluster.tellGateways();
      faults.begin();
      scrubs.begin(faultsEndNanos, faults::rot);
      lost.begin(faultsEndNanos);
      moves.begin(faultsEndNanos);
      strays.begin();
      failed.begin(faultsEndNanos);
      lostDevices.begin(faultsEndNanos);
      replacedAlone.begin(faultsEndNanos);
      unreadable.begin(faultsEndNanos);
      scans.begin();
      firstWrites.begin(faultsEndNanos);
      keeps.begin(faultsEndNanos);
      extents.begin();
      torn.begin(faultsEndNanos);
      advance(faultsEndNanos);
      heal();
      return new Result(trace.hash(), world.executed(), workload.answered());
    } catch (InvariantViolation e) {
      throw failed(e.invariant(), e);
    } catch (RuntimeException | AssertionError e) {
      throw failed("exception", e);
    }
  }

  private SimFailure failed(String invariant, Throwable cause) {
    return new SimFailure(seed, stores, invariant, cause, trace.tail());
  }

  private void advance(long untilNanos) {
    cluster.arm();
    while (world.step(untilNanos)) {
      cluster.arm();
    }
  }

  private interface Condition {
    String missing();
  }

  private void await(Condition condition) {
    long limit = world.nowNanos() + HEAL_LIMIT_NANOS;
    String missing = condition.missing();
    while (missing != null) {
      if (world.nowNanos() >= limit) {
        throw new InvariantViolation("liveness", missing);
      }
      long step = Math.min(limit, world.nowNanos() + 50_000_000L);
      world.after(50_000_000L, () -> {});
      advance(step);
      missing = condition.missing();
    }
  }

  private void heal() {
    faults.heal();
    lost.heal();
    lostDevices.heal(lost.some());
    failed.heal(lost.some());
    strays.heal();
    unreadable.heal();
    advance(world.nowNanos() + random.between(0, SECOND));
    workload.stop();
    // Commands whose clients gave up may reach the metadata's log until now.
    advance(world.nowNanos() + SETTLE_NANOS);
    faults.settled();
    await(
        () -> {
          if (!lost.isDue() && !lostDevices.isDue()) {
            return null;
          }
          ownerMissing();
          return "what was lost is not recovered: " + cluster.allRecords();
        });
    VolumeSession session = lastOwner();
    await(
        () ->
            workload.underWay() == 0
                ? null
                : "requests are not answered on a healed cluster:\n"
                    + workload.describePending()
                    + session.describe());
    if (random.oneIn(2)) {
      mendUnattached(session);
      heal(lastOwner());
    } else {
      heal(session);
    }
  }

  /** The owner leaves while replicas lack something; gateways mend what nobody has attached. */
  private void mendUnattached(VolumeSession session) {
    SimNode away = cluster.nodes().get(random.below(cluster.nodes().size()));
    boolean isThere = away.process.isUp();
    if (isThere && random.oneIn(2)) {
      away.kill(random.oneIn(2));
      advance(world.nowNanos() + random.between(SECOND, 3 * SECOND));
    }
    if (random.oneIn(2)) {
      session.release(world.nowNanos());
      advance(world.nowNanos() + random.between(0, 3 * SECOND));
    }
    for (SimGateway gateway : cluster.gateways()) {
      if (gateway.isAttached()) {
        gateway.kill();
      }
    }
    replaceWhileUnattached(away);
    if (isThere && !away.process.isUp()) {
      away.start();
    }
    // Commands of the dead may reach the log until now.
    advance(world.nowNanos() + SETTLE_NANOS);
    await(this::notMended);
    world.log("all in sync without an owner");
    if (cluster.gateways().stream().allMatch(gateway -> gateway.scrubWanted() != null)) {
      long sinceMillis = scrubs.nowMillis();
      await(() -> notScrubbed(sinceMillis));
      world.log("all scrubbed without an owner");
    }
  }

  /** Nobody has the volume: who hears that the node lost what others hold? */
  private void replaceWhileUnattached(SimNode node) {
    SimRandom draws = new SimRandom(seed ^ UNATTACHED_SALT);
    int shard = draws.below(shape.shardCount());
    if (devices
        && draws.oneIn(2)
        && !faults.isGone(node)
        && cluster.isHeldElsewhere(node, shard, faults.gone())) {
      world.log(node.process.name() + ": the devices of shard " + shard + " are replaced");
      if (node.process.isUp()) {
        node.kill(true);
      }
      node.replace(shard);
      node.start();
    }
  }

  /** A replica that is in sync on record only. */
  private String notHeld() {
    for (int i = 0; devices && i < shape.chunkCount(); i++) {
      ChunkRecord record = cluster.record(i);
      for (Replica replica : record == null ? List.<Replica>of() : record.replicas()) {
        if (!cluster.hasOrNeverHad(replica.nodeId(), record)) {
          return "node " + replica.nodeId() + " is in sync on record only: " + record;
        }
      }
    }
    return null;
  }

  /** What maintenance sessions have not brought up, which are begun as the metadata offers. */
  private String notMended() {
    String missing = notInSync(cluster.gateways().getFirst().session());
    missing = missing == null ? notHeld() : missing;
    maintenance.offer();
    return missing;
  }

  /** A chunk that nobody has scrubbed since, though its time has come and nobody had the volume. */
  private String notScrubbed(long sinceMillis) {
    maintenance.offer();
    for (int i = 0; i < shape.chunkCount(); i++) {
      ChunkRecord record = cluster.record(i);
      if (record != null && record.lastScrub().lightMillis() <= sinceMillis) {
        return "not scrubbed while nobody has it: " + record;
      }
    }
    return null;
  }

  private void heal(VolumeSession session) {
    await(() -> notInSync(session));
    writeWhatIsUnreadable(session);
    scrub(session);
    workload.readAll(session);
    await(() -> workload.underWay() == 0 ? null : "reads are not answered\n" + session.describe());
    workload.readAll(session);
    await(() -> workload.underWay() == 0 ? null : "reads are not answered\n" + session.describe());
    workload.check();
    session.release(world.nowNanos());
    await(() -> session.isOver() ? null : "the session does not end:\n" + session.describe());
    advance(world.nowNanos() + 200_000_000L);
    await(
        () ->
            cluster.doomedGateway().isAttached()
                ? "the owner of a deleted volume goes on:\n"
                    + cluster.doomedGateway().session().describe()
                : null);
    await(strays::notGivenBack);
    replicasEqual();
    nothingLeaked();
    recoverAll();
  }

  /** A write mends what nobody could read, on all replicas. */
  private void writeWhatIsUnreadable(VolumeSession session) {
    unreadable.toMend().forEach(block -> workload.write(session, block));
    await(() -> workload.underWay() == 0 ? null : "writes are not answered\n" + session.describe());
    unreadable.requireAllGood();
  }

  /** What rots at rest is found and mended before anybody reads it. */
  private void scrub(VolumeSession session) {
    if (!scrubs.isEmpty()) {
      await(() -> scrubs.notDone(session));
      scrubs.damage(session, shape.chunkCount());
      await(() -> scrubs.notDone(session));
      scrubs.requireAllGood(shape.chunkCount());
    }
  }

  /** The session that owns the volume in the end; attaches one when none does. */
  private VolumeSession lastOwner() {
    await(this::ownerMissing);
    for (SimGateway gateway : cluster.gateways()) {
      if (owner(gateway)) {
        return gateway.serving();
      }
    }
    throw new IllegalStateException("unreachable");
  }

  /** Null when the volume has an owner; one is attached when nobody tries to be. */
  private String ownerMissing() {
    boolean trying = false;
    for (SimGateway gateway : cluster.gateways()) {
      if (owner(gateway)) {
        return null;
      }
      trying |= gateway.isAttached() && !gateway.maintains() && gateway.serving() == null;
    }
    if (!trying) {
      attachOne();
    }
    return "no gateway serves the volume";
  }

  private void attachOne() {
    for (SimGateway gateway : cluster.gateways()) {
      if (!gateway.isAttached() || gateway.maintains()) {
        if (gateway.maintains()) {
          gateway.session().abandon(world.nowNanos());
        }
        gateway.attach();
        return;
      }
    }
    // Fenced by acquisitions that came late, and of a volume without chunks there is nobody to tell
    // them so before a client's first request: whose this is.
    for (SimGateway gateway : cluster.gateways()) {
      if (gateway.serving() != null && !gateway.isReleasing()) {
        gateway.session().abandon(world.nowNanos());
        gateway.attach();
        return;
      }
    }
  }

  private boolean owner(SimGateway gateway) {
    VolumeSession session = gateway.serving();
    return session != null
        && !gateway.isReleasing()
        && session.generation() == cluster.volume().generation();
  }

  private String notInSync(VolumeSession session) {
    for (int i = 0; i < shape.chunkCount(); i++) {
      ChunkRecord record = cluster.record(i);
      if (record != null && !isWhole(record)) {
        return "not all replicas are in sync on a healed cluster: "
            + record
            + "\n"
            + (session == null ? "no session" : session.describe());
      }
    }
    return null;
  }

  /**
   * As many replicas as wanted, or as there are nodes that stay when one was forced to leave; all
   * in sync, and none on a node that is to leave or on a device that failed.
   */
  private boolean isWhole(ChunkRecord record) {
    long staying = cluster.nodes().stream().filter(node -> !cluster.isLeaving(node.nodeId)).count();
    return record.movesFromNodeId() == null
        && record.inSyncCount() == record.replicas().size()
        && record.replicas().size() == Math.min(staying, cluster.volume().replicas())
        && record.replicas().stream()
            .noneMatch(r -> cluster.isLeaving(r.nodeId()) || cluster.isOut(record, r.nodeId()));
  }

  /** Every node dies once more and finds again what it had. */
  private void recoverAll() {
    FinalReads reads = new FinalReads();
    for (SimNode node : cluster.nodes()) {
      if (faults.isGone(node)) {
        continue;
      }
      node.kill(random.oneIn(2));
      node.start();
      node.readAll(reads);
    }
    await(() -> reads.areDone() ? null : "reads of a recovered store are not answered");
  }

  private void replicasEqual() {
    for (int i = 0; i < shape.chunkCount(); i++) {
      ChunkRecord record = cluster.record(i);
      if (record == null) {
        continue;
      }
      StoreModel.Chunk first = null;
      for (Replica replica : record.replicas()) {
        StoreModel.Chunk chunk = cluster.chunk(replica.nodeId(), i);
        if (replica.state() != ReplicaState.IN_SYNC) {
          continue;
        }
        if (chunk == null || chunk.syncing()) {
          throw new InvariantViolation(
              "I6", "node " + replica.nodeId() + " is in sync on record only: " + record);
        }
        if (first == null) {
          first = chunk;
        } else {
          compare(record, first, chunk);
        }
      }
    }
  }

  private static void compare(ChunkRecord record, StoreModel.Chunk a, StoreModel.Chunk b) {
    if (a.lastVersion != b.lastVersion || !Arrays.equals(a.versions, b.versions)) {
      throw new InvariantViolation("I6", "replicas have different versions: " + record);
    }
    for (int i = 0; i < a.blocks.length; i++) {
      if (!Arrays.equals(a.blocks[i], b.blocks[i])
          && StoreModel.sound(a, i)
          && StoreModel.sound(b, i)) {
        throw new InvariantViolation("I6", "replicas differ in block " + i + ": " + record);
      }
    }
  }

  private void nothingLeaked() {
    for (SimNode node : cluster.nodes()) {
      if (node.process.isUp() && node.ledger().live() != 0) {
        throw new InvariantViolation(
            "leak", node.process.name() + " holds " + node.ledger().live() + " payloads");
      }
    }
    for (SimGateway gateway : cluster.gateways()) {
      if (gateway.process.isUp() && gateway.ledger().live() != 0) {
        throw new InvariantViolation(
            "leak", gateway.process.name() + " holds " + gateway.ledger().live() + " payloads");
      }
    }
  }
}
