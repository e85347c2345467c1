package io.cairn.metadata.machine;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Event;
import io.cairn.metadata.model.ClusterCondition;
import io.cairn.metadata.model.ClusterEvent;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.options.Sizes;
import io.cairn.metadata.release.Release;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * Finds in what a command comes to whatever operators want to know of later: by comparing each
 * record with the one that it replaces, so that no decision can forget to tell. Chunks are not told
 * of one by one: a node that dies changes thousands.
 */
final class History {
  private final MetadataState state;

  /** Those of one command; empty between two. */
  private final List<Event> kept = new ArrayList<>();

  private long atMillis;

  History(MetadataState state) {
    this.state = state;
  }

  /**
   * Events to be replayed after these, which are not replayed yet.
   *
   * @param leaderMillis the leader's clock when it took the command.
   */
  List<Event> of(Command command, List<Event> events, long leaderMillis) {
    if (events.isEmpty() || levelAfter(events) < Release.LEVEL_OF_EVENTS) {
      return List.of();
    }
    atMillis = leaderMillis;
    if (command instanceof Command.RecoverVolume c) {
      lost(c);
    }
    for (Event event : events) {
      switch (event) {
        case Event.ClusterInitialized _ -> keep("cluster-made", "cluster", "The cluster was made.");
        case Event.LevelRaised e ->
            keep(
                "level-raised",
                "cluster",
                "The cluster's level is " + e.level() + "; it was " + state.level() + ".");
        case Event.NodeStored e -> node(state.node(e.node().nodeId()), e.node());
        case Event.NodeRemoved e -> removed(state.node(e.nodeId()));
        case Event.VolumeStored e ->
            volume(command, state.volume(e.volume().volumeId()), e.volume());
        case Event.VolumeDeleted e -> deleted(state.volume(e.volumeId()));
        case Event.ConditionStored e -> condition(e.condition());
        case Event.ReservationsStored _,
            Event.AccessChanged _,
            Event.PortalStored _,
            Event.ChunkStored _,
            Event.ClusterEventStored _ -> {
          // Told of by what they do to volumes and nodes, or not at all.
        }
      }
    }
    List<Event> found = List.copyOf(kept);
    kept.clear();
    return found;
  }

  private int levelAfter(List<Event> events) {
    int level = state.level();
    for (Event event : events) {
      level = event instanceof Event.LevelRaised raised ? raised.level() : level;
    }
    return level;
  }

  private void keep(String kind, String subject, String text) {
    long number = state.nextEventNumber() + kept.size();
    kept.add(new Event.ClusterEventStored(new ClusterEvent(number, atMillis, kind, subject, text)));
  }

  private void node(NodeRecord before, NodeRecord after) {
    String name = after.name();
    if (before == null) {
      keep("node-joined", name, "Node " + name + " joined at " + address(after) + ".");
      return;
    }
    if (before.incarnation() != after.incarnation()) {
      keep("node-started", name, "Node " + name + " started at " + address(after) + ".");
    }
    if (before.departure() != after.departure()) {
      if (after.departure() == null) {
        keep("node-stays", name, "Node " + name + " stays in the cluster.");
      } else {
        String how = word(after.departure());
        keep("node-leaving", name, "Node " + name + " is to leave: " + how + ".");
      }
    }
    if (before.flushing() != after.flushing()) {
      keep(
          after.flushing() ? "cache-flush" : "cache-flush-end",
          name,
          "Node "
              + name
              + (after.flushing()
                  ? " is to destage its journals."
                  : " need not destage any more."));
    }
  }

  private static String address(NodeRecord node) {
    return node.host() + ":" + node.port();
  }

  private static String word(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private void removed(NodeRecord node) {
    if (node != null) {
      keep("node-removed", node.name(), "Node " + node.name() + " was removed.");
    }
  }

  private void volume(Command command, VolumeRecord before, VolumeRecord after) {
    String name = after.name();
    String volume = "Volume " + name;
    if (before == null) {
      String size = Sizes.format(after.sizeBytes()) + " and " + after.replicas() + " replicas";
      keep("volume-created", name, volume + " was created, with " + size + ".");
      return;
    }
    if (before.sizeBytes() != after.sizeBytes()) {
      keep(
          "volume-resized",
          name,
          volume
              + " has "
              + Sizes.format(after.sizeBytes())
              + "; it had "
              + Sizes.format(before.sizeBytes())
              + ".");
    }
    if (before.replicas() != after.replicas() || before.minInSync() != after.minInSync()) {
      keep(
          "volume-set",
          name,
          volume
              + " keeps "
              + after.replicas()
              + " replicas, of which "
              + after.minInSync()
              + " must be in sync for writes.");
    }
    if (!before.tiering().equals(after.tiering())) {
      keep(
          "volume-set",
          name,
          volume
              + " has the cache mode "
              + word(after.tiering().mode())
              + (after.tiering().pinned() ? ", pinned." : "."));
    }
    boolean owned =
        before.generation() != after.generation() || !Objects.equals(before.owner(), after.owner());
    if (owned && !(command instanceof Command.RecoverVolume)) {
      owner(name, before.owner(), after.owner());
    }
  }

  /** Sessions that only mend are told of by the repair. */
  private void owner(String name, VolumeRecord.Owner before, VolumeRecord.Owner after) {
    VolumeRecord.Owner old = before == null || before.maintenance() ? null : before;
    if (after == null) {
      if (old != null) {
        keep("volume-detached", name, "Gateway " + old.gateway() + " gave up volume " + name + ".");
      }
    } else if (!after.maintenance()) {
      if (old == null || old.instance() == after.instance()) {
        keep(
            "volume-attached", name, "Gateway " + after.gateway() + " serves volume " + name + ".");
      } else {
        keep(
            "volume-taken-over",
            name,
            "Gateway "
                + after.gateway()
                + " took volume "
                + name
                + " over from "
                + (old.gateway().equals(after.gateway()) ? "its earlier life" : old.gateway())
                + ".");
      }
    }
  }

  private void deleted(VolumeRecord volume) {
    if (volume != null) {
      String size = Sizes.format(volume.sizeBytes());
      keep(
          "volume-deleted",
          volume.name(),
          "Volume " + volume.name() + " of " + size + " was deleted.");
    }
  }

  private void lost(Command.RecoverVolume c) {
    keep(
        "loss-accepted",
        c.name(),
        "An operator accepted the loss of data in "
            + c.choices().size()
            + " chunks of volume "
            + c.name()
            + ".");
  }

  private void condition(ClusterCondition condition) {
    if (condition.kind() != null && condition.text() != null) {
      keep(condition.kind(), condition.name(), condition.text());
    }
  }
}
