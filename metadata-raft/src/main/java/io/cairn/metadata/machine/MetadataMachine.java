package io.cairn.metadata.machine;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Event;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.placement.Candidate;
import io.cairn.metadata.release.Release;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Decides commands. Every server decides each log entry against the same state, so a decision uses
 * nothing but the state, the command and the candidates for placement that the leader wrote into
 * the same entry.
 */
public final class MetadataMachine {
  /** Commands that a client may have under way: so many answers to each client are kept. */
  public static final int COMMANDS_UNDER_WAY_MAX = RetryTable.ANSWERS_MAX;

  private static final int REASON_LENGTH_MAX = 200;

  private final MetadataState state;
  private final RetryTable retries;
  private final NodeDecisions nodes;
  private final VolumeDecisions volumes;
  private final ReservationDecisions reservations;
  private final AccessDecisions access;
  private final PortalDecisions portals;
  private final ChunkDecisions chunks;
  private final PlacingDecisions placings;
  private final MoveDecisions moves;
  private final ScrubDecisions scrubs;
  private final LossDecisions losses;
  private final ConditionDecisions conditions;
  private final History history;

  /** One over the replicated state. */
  public MetadataMachine(KeyValues keys) {
    this(keys, COMMANDS_UNDER_WAY_MAX);
  }

  /**
   * One that remembers another number of answers to each client, for clients that have fewer
   * commands under way. All servers of a group must have the same.
   */
  public MetadataMachine(KeyValues keys, int answersMax) {
    state = new MetadataState(keys);
    retries = new RetryTable(keys, answersMax);
    nodes = new NodeDecisions(state);
    volumes = new VolumeDecisions(state);
    reservations = new ReservationDecisions(state);
    access = new AccessDecisions(state);
    portals = new PortalDecisions(state);
    chunks = new ChunkDecisions(state);
    placings = new PlacingDecisions(state);
    moves = new MoveDecisions(state);
    scrubs = new ScrubDecisions(state);
    losses = new LossDecisions(state);
    conditions = new ConditionDecisions(state);
    history = new History(state);
  }

  /** The state, for queries. */
  public MetadataState state() {
    return state;
  }

  /**
   * Decides and applies one command, once: a retry, which has the client id and number of an
   * earlier command, changes nothing and gets the first answer again.
   *
   * @param clientId of the client that submits; random per client.
   * @param number from 1, rising by client; fewer than {@link #COMMANDS_UNDER_WAY_MAX} above the
   *     lowest that is not answered yet.
   * @param level of the client's release.
   * @param candidates nodes that are up and their free space, as the leader knew them.
   * @param atMillis the leader's clock when it took the command, since 1970.
   */
  public Reply apply(
      long clientId,
      long number,
      int level,
      Command command,
      List<Candidate> candidates,
      long atMillis) {
    Reply earlier = retries.find(clientId, number);
    if (earlier != null) {
      return earlier;
    }
    String tooOld = takesPart(command) ? state.tooOld(level) : null;
    Decision decision =
        tooOld == null
            ? guarded(command, candidates)
            : Decision.refused(Reply.ErrorCode.INVALID, tooOld);
    List<Event> kept = history.of(command, decision.events(), atMillis);
    decision.events().forEach(state::replay);
    kept.forEach(state::replay);
    retries.remember(clientId, number, decision.reply());
    return decision.reply();
  }

  /** The same for a client of this release, at a time that is not known. */
  public Reply apply(long clientId, long number, Command command, List<Candidate> candidates) {
    return apply(clientId, number, Release.level(), command, candidates, 0);
  }

  /** Whether a server that submits the command will write what others read. */
  private static boolean takesPart(Command command) {
    return command instanceof Command.RegisterNode
        || command instanceof Command.AcquireVolume
        || command instanceof Command.MaintainVolume;
  }

  /**
   * A command that cannot be decided is refused, the same way on every server: it is in the log, so
   * a failure would stop them all, again at each start. The state's own failures are another
   * matter: they are one server's, and stop it.
   */
  private Decision guarded(Command command, List<Candidate> candidates) {
    try {
      return decide(command, candidates);
    } catch (UncheckedIOException e) {
      throw e;
    } catch (RuntimeException e) {
      String reason = String.valueOf(e.getMessage());
      return Decision.refused(
          Reply.ErrorCode.INVALID,
          command.getClass().getSimpleName()
              + " is incomplete: "
              + reason.substring(0, Math.min(REASON_LENGTH_MAX, reason.length())));
    }
  }

  /** The answer to a command that was applied before this server's restart. */
  public Reply answerOf(long clientId, long number) {
    Reply earlier = retries.find(clientId, number);
    return earlier != null
        ? earlier
        : new Reply.Refused(
            Reply.ErrorCode.INVALID, "command " + number + " was applied; its answer is forgotten");
  }

  Decision decide(Command command, List<Candidate> candidates) {
    return switch (command) {
      case Command.InitCluster c -> init(c);
      case Command.RaiseLevel c -> raise(c);
      case Command.ReportConditions c -> conditions.report(c);
      case Command.RegisterNode c -> nodes.register(c);
      case Command.RemoveNode c -> nodes.remove(c);
      case Command.DrainNode c -> nodes.drain(c);
      case Command.FlushCache c -> nodes.flushCache(c);
      case Command.ResizeCache c -> nodes.resizeCache(c);
      case Command.CreateVolume c -> volumes.create(c);
      case Command.ResizeVolume c -> volumes.resize(c);
      case Command.SetVolume c -> volumes.set(c);
      case Command.DeleteVolume c -> volumes.delete(c);
      case Command.AcquireVolume c -> volumes.acquire(c);
      case Command.MaintainVolume c -> volumes.maintain(c);
      case Command.ReleaseVolume c -> volumes.release(c);
      case Command.RegisterPortal c -> portals.register(c);
      case Command.StoreReservations c -> reservations.store(c);
      case Command.AdmitInitiator c -> access.admit(c);
      case Command.ExcludeInitiator c -> access.exclude(c);
      case Command.ForgetAccess c -> access.forget(c);
      case Command.AllocateChunks c -> chunks.allocate(c, candidates);
      case Command.UpdateReplicas c -> chunks.update(c);
      case Command.PlaceReplicas c -> placings.place(c, candidates);
      case Command.MoveReplicas c -> moves.move(c, candidates);
      case Command.ScrubVolume c -> scrubs.ask(c);
      case Command.ReportScrubs c -> scrubs.report(c);
      case Command.RecoverVolume c -> losses.recover(c, candidates);
    };
  }

  /** The leader has seen to it that all servers are of that level. */
  private Decision raise(Command.RaiseLevel command) {
    if (command.level() < state.level()) {
      return Decision.refused(
          Reply.ErrorCode.INVALID,
          "level " + command.level() + " is below the cluster's, which is " + state.level());
    }
    return new Decision(List.of(new Event.LevelRaised(command.level())), new Reply.Ok());
  }

  private Decision init(Command.InitCluster command) {
    if (state.clusterId() != 0) {
      return Decision.answered(new Reply.ClusterIdentity(state.clusterId()));
    }
    if (command.clusterId() == 0) {
      return Decision.refused(Reply.ErrorCode.INVALID, "cluster id 0 is reserved");
    }
    List<Event> events = new ArrayList<>();
    events.add(new Event.ClusterInitialized(command.clusterId()));
    if (Release.of(command.level()) > state.level()) {
      events.add(new Event.LevelRaised(command.level()));
    }
    return new Decision(events, new Reply.ClusterIdentity(command.clusterId()));
  }
}
