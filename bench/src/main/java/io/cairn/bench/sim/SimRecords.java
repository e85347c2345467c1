package io.cairn.bench.sim;

import io.cairn.bench.sim.coverage.RecordingLoader;
import io.cairn.bench.sim.coverage.Transitions;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.machine.MetadataState;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Status;
import java.util.Map;
import java.util.TreeMap;

/**
 * Tells the report of coverage what the metadata's records went through, and which answers were
 * given. Does nothing in a run without a report.
 */
final class SimRecords {
  private static final boolean RECORDED =
      SimRecords.class.getClassLoader() instanceof RecordingLoader;
  private static final String NONE = "NONE";

  private Map<String, String> before = new TreeMap<>();

  /** A storage node or a source answered. */
  static void answered(int type, int status) {
    if (RECORDED) {
      Transitions.seen("reply " + MessageType.name(type) + " " + Status.ofCode(status));
    }
  }

  /** A command was applied, for the first time or again. */
  void applied(Command command, Reply reply, MetadataState state) {
    if (!RECORDED) {
      return;
    }
    String name = command.getClass().getSimpleName();
    String outcome = reply instanceof Reply.Refused refused ? refused.code().name() : "OK";
    Transitions.seen("command " + name + " " + outcome);
    if (reply instanceof Reply.ReplicasUpdated updated) {
      updated.outcomes().forEach(each -> changed(name, each.code()));
    } else if (reply instanceof Reply.ReplicasPlaced placed) {
      placed.outcomes().forEach(each -> changed(name, each.code()));
    }
    Map<String, String> after = states(state);
    before.forEach((key, was) -> changed(key, was, after.getOrDefault(key, NONE), name));
    after.forEach(
        (key, is) -> {
          if (!before.containsKey(key)) {
            changed(key, NONE, is, name);
          }
        });
    before = after;
  }

  private static void changed(String command, Reply.ErrorCode code) {
    Transitions.seen("change " + command + " " + (code == null ? "OK" : code.name()));
  }

  private static void changed(String key, String was, String is, String command) {
    if (!was.equals(is)) {
      String what = key.split(" ", 2)[0];
      Transitions.seen(what + " " + name(was) + " " + name(is) + " " + command);
    }
  }

  /** Without the number that tells two owners apart. */
  private static String name(String state) {
    return state.replaceFirst("#.*", "");
  }

  private static Map<String, String> states(MetadataState state) {
    Map<String, String> states = new TreeMap<>();
    for (NodeRecord node : state.nodes()) {
      states.put(
          "node " + node.nodeId(), node.departure() == null ? "MEMBER" : node.departure().name());
    }
    for (VolumeRecord volume : state.volumes()) {
      states.put("owner " + volume.volumeId(), owner(volume));
      for (ChunkRecord chunk : state.chunks(volume.volumeId(), 0, 0, Integer.MAX_VALUE)) {
        String name = volume.volumeId() + "/" + chunk.index();
        chunk
            .replicas()
            .forEach(
                replica ->
                    states.put(
                        "replica " + name + " on " + replica.nodeId(), replica.state().name()));
      }
    }
    return states;
  }

  private static String owner(VolumeRecord volume) {
    if (volume.owner() == null) {
      return NONE;
    }
    return (volume.owner().maintenance() ? "MAINTENANCE" : "OWNER") + "#" + volume.generation();
  }
}
