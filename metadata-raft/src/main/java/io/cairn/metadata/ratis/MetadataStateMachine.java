package io.cairn.metadata.ratis;

import io.cairn.metadata.clock.WallClock;
import io.cairn.metadata.codec.Codec;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.machine.LossQueries;
import io.cairn.metadata.machine.MetadataMachine;
import io.cairn.metadata.machine.MetadataQueries;
import io.cairn.metadata.machine.MetadataState;
import io.cairn.metadata.machine.StrayQueries;
import io.cairn.metadata.model.ClusterCondition;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.release.Release;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.RoleInfoProto;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftClientRequest;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.server.DivisionInfo;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.raftlog.RaftLog;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.SnapshotInfo;
import org.apache.ratis.statemachine.TransactionContext;
import org.apache.ratis.statemachine.impl.BaseStateMachine;
import org.apache.ratis.statemachine.impl.SimpleStateMachineStorage;
import org.apache.ratis.statemachine.impl.SingleFileSnapshotInfo;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.util.LifeCycle;
import org.apache.ratis.util.MD5FileUtil;

/**
 * Applies log entries to the pure machine over RocksDB, one batch per entry, and answers queries.
 * The state is locked for each: queries run on other threads than the log.
 *
 * <p>A snapshot is a file with every key and value, so that it can be sent to a server that fell
 * behind; a server of its own restarts from its database, which is newer.
 */
final class MetadataStateMachine extends BaseStateMachine {
  private static final int SNAPSHOT_MAGIC = 0x43524E53;
  private static final int SNAPSHOT_VERSION = 1;
  private static final String SNAPSHOT_PART = "snapshot.part";

  /** After a snapshot that failed: Ratis would try again with each entry. */
  private static final long SNAPSHOT_RETRY_NANOS = TimeUnit.SECONDS.toNanos(30);

  /** Keys that are written at a time when a snapshot is taken over. */
  private static final int RESTORE_BATCH = 10_000;

  private final SimpleStateMachineStorage storage = new SimpleStateMachineStorage();
  private final Path database;
  private final GroupObserver observer;
  private final SoftState soft = new SoftState();
  private final GatewayAnswers gateways;
  private final Conditions conditions;
  private final TargetSessions sessions = new TargetSessions();
  private final Object lock = new Object();
  private RocksKeyValues keys;
  private MetadataMachine machine;

  /** Index of the last entry in the database; entries up to it come again after a restart. */
  private long storedIndex = -1;

  /** When the last snapshot failed; only the thread that applies entries uses it. */
  private OptionalLong snapshotFailedNanos = OptionalLong.empty();

  MetadataStateMachine(
      Path database, GroupObserver observer, Duration awayGrace, boolean rebalance) {
    gateways = new GatewayAnswers(soft, awayGrace.toNanos(), rebalance);
    conditions = new Conditions(soft, awayGrace.toNanos());
    this.database = database;
    this.observer = observer;
  }

  @Override
  public void initialize(RaftServer server, RaftGroupId groupId, RaftStorage raftStorage)
      throws IOException {
    super.initialize(server, groupId, raftStorage);
    // Before anybody takes them for snapshots.
    List<String> damaged =
        Snapshots.removeDamaged(raftStorage.getStorageDir().getStateMachineDir().toPath());
    storage.init(raftStorage);
    keys = opened();
    if (!damaged.isEmpty()) {
      writeAnew(damaged);
    }
    load();
    requireWhole(raftStorage);
    started();
  }

  /** Only from here on Ratis can pause it, which it does to take over a leader's snapshot. */
  private void started() {
    getLifeCycle().transition(LifeCycle.State.STARTING);
    getLifeCycle().transition(LifeCycle.State.RUNNING);
  }

  /** A damaged database is begun anew: snapshot and log say what was in it. */
  private RocksKeyValues opened() throws IOException {
    try {
      return RocksKeyValues.open(database);
    } catch (DamagedStateException e) {
      Path aside = SetAside.move(database);
      observer.onDamage(
          e.getMessage() + "; it is made anew from the server's own log, and left as " + aside);
      return RocksKeyValues.open(database);
    }
  }

  /** The log that led to a snapshot was dropped: from then on others can only be helped by one. */
  private void writeAnew(List<String> damaged) throws IOException {
    long[] applied = keys.applied();
    observer.onDamage(
        damaged
            + " and the digest beside do not fit; removed"
            + (applied == null ? "" : ", and one is made anew from the state"));
    if (applied != null) {
      writeSnapshot(TermIndex.valueOf(applied[0], applied[1]));
    }
  }

  /** The log must go on where the state ends. */
  private void requireWhole(RaftStorage raftStorage) throws IOException {
    long first = LogFiles.firstIndex(raftStorage.getStorageDir().getCurrentDir().toPath());
    if (first > storedIndex + 1) {
      throw new LostLogException(
          "the log begins with entry "
              + first
              + ", and what was before is lost or damaged: the state ends with "
              + storedIndex,
          null);
    }
  }

  @Override
  public void reinitialize() throws IOException {
    synchronized (lock) {
      load();
    }
    if (getLifeCycleState() == LifeCycle.State.PAUSED) {
      started();
    }
  }

  @Override
  public void pause() {
    getLifeCycle().transition(LifeCycle.State.PAUSING);
    getLifeCycle().transition(LifeCycle.State.PAUSED);
  }

  private void load() throws IOException {
    SingleFileSnapshotInfo snapshot = storage.loadLatestSnapshot();
    long[] applied = keys.applied();
    if (snapshot != null && (applied == null || snapshot.getIndex() > applied[1])) {
      restore(snapshot);
      applied = new long[] {snapshot.getTerm(), snapshot.getIndex()};
    }
    machine = new MetadataMachine(keys);
    requireLevel(machine.state().level());
    storedIndex = applied == null ? -1 : applied[1];
    if (machine.state().clusterId() != 0) {
      observer.onClusterId(machine.state().clusterId());
    }
    if (snapshot != null) {
      setLastAppliedTermIndex(TermIndex.valueOf(snapshot.getTerm(), snapshot.getIndex()));
    }
  }

  /** What a newer release wrote must not be read as if it were ours. */
  private void requireLevel(int level) throws IOException {
    if (level > Release.level()) {
      IOException tooNew =
          new IOException(
              "the cluster was upgraded to level "
                  + level
                  + " and this server knows level "
                  + Release.level()
                  + " at most: start it from a newer release");
      observer.onFailure(tooNew);
      throw tooNew;
    }
  }

  private void restore(SingleFileSnapshotInfo snapshot) throws IOException {
    keys.clear();
    Path file = snapshot.getFile().getPath();
    try (DataInputStream in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
      if (in.readInt() != SNAPSHOT_MAGIC || in.readInt() != SNAPSHOT_VERSION) {
        throw new IOException(file + " is no metadata snapshot of version " + SNAPSHOT_VERSION);
      }
      int restored = 0;
      for (int keyLength = in.readInt(); keyLength >= 0; keyLength = in.readInt()) {
        String key =
            new String(in.readNBytes(keyLength), java.nio.charset.StandardCharsets.US_ASCII);
        keys.put(key, in.readNBytes(in.readInt()));
        if (++restored % RESTORE_BATCH == 0) {
          keys.writeAhead();
        }
      }
    }
    keys.commit(snapshot.getTerm(), snapshot.getIndex());
    keys.sync();
  }

  /** Without a snapshot the log only gets longer: what cannot be written now is tried again. */
  @Override
  public long takeSnapshot() throws IOException {
    long startNanos = System.nanoTime();
    if (snapshotFailedNanos.isPresent()
        && startNanos - snapshotFailedNanos.getAsLong() < SNAPSHOT_RETRY_NANOS) {
      return RaftLog.INVALID_LOG_INDEX;
    }
    try {
      long index = takeSnapshot(startNanos);
      snapshotFailedNanos = OptionalLong.empty();
      return index;
    } catch (IOException | UncheckedIOException e) {
      discard(part());
      if (e instanceof DamagedStateException || e.getCause() instanceof DamagedStateException) {
        // The next start mends it.
        observer.onFailure(e);
        throw e;
      }
      snapshotFailedNanos = OptionalLong.of(startNanos);
      observer.onSnapshotFailure(e);
      return RaftLog.INVALID_LOG_INDEX;
    }
  }

  /** On a full device the log needs the room more. */
  private void discard(Path part) {
    try {
      Files.deleteIfExists(part);
    } catch (IOException e) {
      observer.onSnapshotFailure(e);
    }
  }

  private long takeSnapshot(long startNanos) throws IOException {
    TermIndex applied;
    Path file;
    synchronized (lock) {
      applied = getLastAppliedTermIndex();
      if (applied.getIndex() < storedIndex) {
        // The database is ahead of what is being applied again: it is no state of that index.
        return RaftLog.INVALID_LOG_INDEX;
      }
      file = writeSnapshot(applied);
    }
    storage.loadLatestSnapshot();
    observer.onSnapshot(Files.size(file), System.nanoTime() - startNanos);
    return applied.getIndex();
  }

  /** The state as it is, which is that after an entry. */
  private Path writeSnapshot(TermIndex applied) throws IOException {
    // Beside the snapshots, not among them: it becomes one by a rename.
    Path temporary = part();
    keys.sync();
    write(temporary);
    Path file = storage.getSnapshotFile(applied.getTerm(), applied.getIndex()).toPath();
    // The digest first: a snapshot without one could not be sent to anybody.
    MD5FileUtil.saveMD5File(file.toFile(), MD5FileUtil.computeMd5ForFile(temporary.toFile()));
    Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    return file;
  }

  private Path part() {
    return database.resolveSibling(SNAPSHOT_PART);
  }

  private void write(Path file) throws IOException {
    try (FileOutputStream durable = new FileOutputStream(file.toFile());
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(durable))) {
      out.writeInt(SNAPSHOT_MAGIC);
      out.writeInt(SNAPSHOT_VERSION);
      keys.scan(
          "",
          "~",
          (key, value) -> {
            try {
              byte[] name = key.getBytes(java.nio.charset.StandardCharsets.US_ASCII);
              out.writeInt(name.length);
              out.write(name);
              out.writeInt(value.length);
              out.write(value);
              return true;
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          });
      out.writeInt(-1);
      out.flush();
      // The log up to here is dropped next: from then on others can only be helped by this file.
      durable.getFD().sync();
    }
  }

  @Override
  public SnapshotInfo getLatestSnapshot() {
    return storage.getLatestSnapshot();
  }

  @Override
  public org.apache.ratis.statemachine.StateMachineStorage getStateMachineStorage() {
    return storage;
  }

  @Override
  public TransactionContext startTransaction(RaftClientRequest request) throws IOException {
    TransactionContext.Builder transaction =
        TransactionContext.newBuilder().setStateMachine(this).setClientRequest(request);
    Entry entry;
    try {
      entry = Codec.decode(request.getMessage().getContent().toByteArray(), Entry.class);
    } catch (IllegalArgumentException e) {
      TransactionContext refused = transaction.build();
      refused.setException(new IOException("not a metadata command: " + e.getMessage()));
      return refused;
    }
    List<NodeRecord> nodes;
    int level;
    String refusal = null;
    synchronized (lock) {
      requireOpen();
      nodes = machine.state().nodes();
      level = machine.state().level();
      if (entry.command() instanceof Command.RaiseLevel raise) {
        refusal = whoIsTooOld(machine.state(), raise.level(), System.nanoTime());
      }
      if (entry.command() instanceof Command.RecoverVolume recover) {
        refusal = whoIsNotShort(recover, System.nanoTime());
      }
    }
    if (refusal != null) {
      TransactionContext refused = transaction.build();
      refused.setException(new IOException(refusal));
      return refused;
    }
    Entry completed =
        entry.with(soft.candidates(nodes, level, System.nanoTime()), WallClock.millis());
    return transaction.setLogData(ByteString.copyFrom(Codec.encode(completed))).build();
  }

  @Override
  public CompletableFuture<Message> applyTransaction(TransactionContext transaction) {
    LogEntryProto proto = transaction.getLogEntry();
    try {
      Entry entry = decoded(proto.getStateMachineLogEntry().getLogData().toByteArray());
      Reply reply;
      synchronized (lock) {
        requireOpen();
        if (proto.getIndex() <= storedIndex) {
          reply = machine.answerOf(entry.clientId(), entry.number());
        } else {
          if (entry.command() instanceof Command.RaiseLevel raise) {
            requireLevel(raise.level());
          }
          reply = applied(entry);
          keys.commit(proto.getTerm(), proto.getIndex());
          storedIndex = proto.getIndex();
        }
        updateLastAppliedTermIndex(proto.getTerm(), proto.getIndex());
      }
      return CompletableFuture.completedFuture(message(reply));
    } catch (UncheckedIOException e) {
      observer.onFailure(e);
      throw e;
    } catch (IOException e) {
      // The state cannot be stored: go no further, another server takes over.
      observer.onFailure(e);
      throw new UncheckedIOException(e);
    }
  }

  /** What a newer release has in the log cannot be left out: the states would differ from there. */
  private static Entry decoded(byte[] bytes) throws IOException {
    try {
      return Codec.decode(bytes, Entry.class);
    } catch (IllegalArgumentException e) {
      throw new IOException(
          "the log has an entry that this release, "
              + Release.name()
              + ", does not know; start the server from the release of the others: "
              + e.getMessage(),
          e);
    }
  }

  /** The database is native memory: a late reader after its close would take the process down. */
  private void requireOpen() throws IOException {
    if (keys == null) {
      throw new IOException("the server is stopping");
    }
  }

  private Reply applied(Entry entry) {
    long startNanos = System.nanoTime();
    Reply reply =
        machine.apply(
            entry.clientId(),
            entry.number(),
            entry.level(),
            entry.command(),
            entry.candidates(),
            entry.takenMillis());
    if (reply instanceof Reply.ClusterIdentity identity) {
      observer.onClusterId(identity.clusterId());
    }
    if (reply instanceof Reply.NodeRegistered registered) {
      soft.registered(registered.nodeId(), startNanos);
    }
    observer.onCommand(entry.command(), reply, System.nanoTime() - startNanos);
    return reply;
  }

  @Override
  public CompletableFuture<Message> query(Message request) {
    Query query;
    try {
      query = Codec.decode(request.getContent().toByteArray(), Query.class);
    } catch (IllegalArgumentException e) {
      return CompletableFuture.completedFuture(
          message(new Reply.Refused(Reply.ErrorCode.INVALID, e.getMessage())));
    }
    long startNanos = System.nanoTime();
    Reply reply;
    try {
      synchronized (lock) {
        requireOpen();
        reply = answer(query, startNanos);
      }
    } catch (IOException e) {
      return CompletableFuture.failedFuture(e);
    }
    observer.onQuery(query, System.nanoTime() - startNanos);
    return CompletableFuture.completedFuture(message(reply));
  }

  private Reply answer(Query query, long nowNanos) {
    MetadataState state = machine.state();
    return switch (query) {
      case Query.GetCluster q -> cluster(state, nowNanos);
      case Query.GetVolume q ->
          MetadataQueries.volume(
              state,
              q.name(),
              gateways.reach(state, nowNanos),
              soft.looks(state.volume(q.name()), nowNanos));
      case Query.GetLosses q ->
          LossQueries.losses(
              state,
              q.name(),
              gateways.reach(state, nowNanos),
              soft.looks(state.volume(q.name()), nowNanos));
      case Query.GetTarget q -> MetadataQueries.target(state, q.name());
      case Query.GetTargets _ -> MetadataQueries.targets(state);
      case Query.GetPortals q -> portals(state, q.volume(), nowNanos);
      case Query.ReportSessions q -> sessions.report(q, nowNanos);
      case Query.GetSessions q -> sessions.all(nowNanos);
      case Query.EndSession q -> sessions.end(q, nowNanos);
      case Query.GetEvents q -> MetadataQueries.events(state, q);
      case Query.GetChunkCounts _ -> MetadataQueries.chunkCounts(state);
      case Query.GetStrays q -> StrayQueries.strays(state, q);
      case Query.GetChunks q -> MetadataQueries.chunks(state, q);
      case Query.ConfirmGeneration q -> MetadataQueries.confirm(state, q);
      case Query.GetReleases q -> new Reply.Releases(state.level(), releases(state, nowNanos));
      case Query.Announce q -> {
        soft.heard(q, nowNanos);
        yield new Reply.Ok();
      }
      case Query.NodeHeartbeat q -> heartbeat(state, q, nowNanos);
      case Query.GatewayHeartbeat q -> {
        soft.heard(q, nowNanos);
        yield gateways.answer(state, q, nowNanos);
      }
    };
  }

  private Reply portals(MetadataState state, String name, long nowNanos) {
    VolumeRecord volume = name == null ? null : state.volume(name);
    if (name != null && volume == null) {
      return new Reply.Refused(Reply.ErrorCode.NOT_FOUND, "there is no volume " + name);
    }
    boolean gone =
        volume != null && volume.owner() != null && soft.isSilent(volume.owner(), nowNanos);
    return new Reply.Portals(
        volume,
        gone,
        state.portals().stream()
            .map(one -> new Reply.PortalStatus(one, soft.isGatewayUp(one.gateway(), nowNanos)))
            .toList());
  }

  private List<Reply.ServerRelease> releases(MetadataState state, long nowNanos) {
    List<Reply.ServerRelease> servers = new ArrayList<>();
    for (Reply.MetadataStatus member : members()) {
      servers.add(soft.release("metadata", member.address(), nowNanos));
    }
    for (NodeRecord node : state.nodes()) {
      servers.add(soft.release("storage", node.name(), nowNanos));
    }
    for (Reply.GatewayStatus gateway : soft.gateways(nowNanos)) {
      if (gateway.up()) {
        servers.add(soft.release("gateway", gateway.gateway(), nowNanos));
      }
    }
    return servers;
  }

  /** Why the cluster cannot have that level yet; null when all servers know it. */
  private String whoIsTooOld(MetadataState state, int level, long nowNanos) {
    String old =
        releases(state, nowNanos).stream()
            .filter(server -> server.level() < level)
            .map(server -> server.role() + " " + server.name())
            .collect(Collectors.joining(", "));
    return old.isEmpty() ? null : "not known to be of level " + level + ": " + old;
  }

  private Reply heartbeat(MetadataState state, Query.NodeHeartbeat said, long nowNanos) {
    NodeRecord node = state.node(said.nodeId());
    if (node == null) {
      return new Reply.Refused(
          Reply.ErrorCode.NOT_FOUND, "there is no node " + said.nodeId() + "; it was removed");
    }
    if (node.incarnation() != said.incarnation()) {
      return new Reply.Refused(
          Reply.ErrorCode.STALE_INCARNATION,
          "incarnation is " + node.incarnation() + ", not " + said.incarnation());
    }
    soft.heard(said, nowNanos);
    List<Long> deleted = said.knownVolumes().stream().filter(state::wasDeleted).toList();
    return new Reply.HeartbeatAck(
        deleted,
        state.nodes(),
        MetadataQueries.tiers(state, said.knownVolumes()),
        replicas(state, node, nowNanos));
  }

  /** Replicas of the node on record; null while a node, or a shard of one, is out that has any. */
  private Long replicas(MetadataState state, NodeRecord node, long nowNanos) {
    for (NodeRecord other : state.nodes()) {
      long id = other.nodeId();
      if (!soft.isUp(id, nowNanos) && state.counts().replicasOn(id) > 0
          || state.counts().replicasOn(id, soft.shardsOut(id)) > 0) {
        return null;
      }
    }
    return state.counts().replicasOn(node.nodeId());
  }

  private Reply cluster(MetadataState state, long nowNanos) {
    List<Reply.NodeStatus> nodes = new ArrayList<>();
    for (NodeRecord node : state.nodes()) {
      nodes.add(
          soft.status(
              node, state.counts().replicasByShard(node.nodeId()), state.level(), nowNanos));
    }
    List<Reply.Volume> volumes = new ArrayList<>();
    for (VolumeRecord volume : state.volumes()) {
      volumes.add(
          MetadataQueries.counted(
              state, volume, gateways.reach(state, nowNanos), soft.looks(volume, nowNanos)));
    }
    return new Reply.Cluster(
        state.clusterId(),
        nodes,
        volumes,
        soft.gateways(nowNanos),
        members(),
        gateways.rebalance(state));
  }

  /** What an operator was told may be long past: null when it is still seen so. */
  private String whoIsNotShort(Command.RecoverVolume recover, long nowNanos) {
    VolumeRecord volume = machine.state().volume(recover.name());
    return LossQueries.whoIsNotShort(
        machine.state(),
        recover,
        gateways.reach(machine.state(), nowNanos),
        soft.looks(volume, nowNanos));
  }

  private List<Reply.MetadataStatus> members() {
    List<Reply.MetadataStatus> members = new ArrayList<>();
    try {
      var division = getServer().join().getDivision(getGroupId());
      String self = division.getPeer().getId().toString();
      boolean leading = division.getInfo().isLeader();
      for (RaftPeer peer : division.getGroup().getPeers()) {
        String id = peer.getId().toString();
        members.add(new Reply.MetadataStatus(id, peer.getAddress(), leading && id.equals(self)));
      }
    } catch (IOException e) {
      // A server that is stopping has no division any more: the list stays empty.
      members.clear();
    }
    return members;
  }

  /**
   * What of the cluster is not as it is on record, at most as much as one command takes; empty
   * unless this server leads.
   *
   * @param address of this server.
   */
  List<ClusterCondition> changedConditions(DivisionInfo division, String address) {
    synchronized (lock) {
      if (keys == null || !division.isLeaderReady()) {
        return List.of();
      }
      return conditions.changed(
          machine.state(), address, division.getCurrentTerm(), System.nanoTime());
    }
  }

  /** Index of the last entry that is in the database; -1 without one, or when it is closed. */
  long storedIndex() {
    synchronized (lock) {
      return keys == null ? -1 : storedIndex;
    }
  }

  /** What this server knows; null when it is not running. */
  MemberStatus status(DivisionInfo division) {
    synchronized (lock) {
      if (keys == null) {
        return null;
      }
      long nowNanos = System.nanoTime();
      List<NodeRecord> nodes = machine.state().nodes();
      int up = (int) nodes.stream().filter(n -> soft.isUp(n.nodeId(), nowNanos)).count();
      SnapshotInfo snapshot = storage.getLatestSnapshot();
      return new MemberStatus(
          division.isAlive(),
          division.isLeaderReady(),
          division.getLeaderId() != null,
          division.getCurrentTerm(),
          getLastAppliedTermIndex().getIndex(),
          snapshot == null ? -1 : snapshot.getIndex(),
          machine.state().clusterId(),
          up,
          nodes.size() - up);
    }
  }

  @Override
  public void notifyLeaderReady() {
    soft.leads(System.nanoTime());
    observer.onLeading();
  }

  @Override
  public void notifyLogFailed(Throwable cause, LogEntryProto failedEntry) {
    observer.onFailure(cause);
  }

  @Override
  public void notifyServerShutdown(RoleInfoProto roleInfo, boolean allServer) {
    if (!allServer) {
      observer.onFailure(new IOException("the server stopped itself"));
    }
  }

  private static Message message(Reply reply) {
    return Message.valueOf(ByteString.copyFrom(Codec.encode(reply)));
  }

  @Override
  public void close() throws IOException {
    super.close();
    synchronized (lock) {
      if (keys != null) {
        keys.sync();
        keys.close();
        keys = null;
      }
    }
  }
}
