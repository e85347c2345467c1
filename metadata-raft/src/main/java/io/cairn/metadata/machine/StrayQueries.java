package io.cairn.metadata.machine;

import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.VolumeRecord;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Says which chunks a node holds that are not its own any more. */
public final class StrayQueries {
  private StrayQueries() {}

  /**
   * Those with a record that does not name the node and is whole: as many replicas as the volume
   * wants, all in sync, none on its way. Before that the copy may be what somebody will wish to
   * have kept. A chunk without a record is left alone as well: no record is ever taken away from a
   * volume that lives, so these servers know too little.
   */
  public static Reply strays(MetadataState state, Query.GetStrays query) {
    if (query.chunks().size() > Query.GetStrays.HELD_MAX) {
      return new Reply.Refused(
          ErrorCode.INVALID,
          query.chunks().size()
              + " chunks in one question are more than "
              + Query.GetStrays.HELD_MAX);
    }
    if (state.clusterId() != query.clusterId() || state.node(query.nodeId()) == null) {
      return new Reply.Refused(
          ErrorCode.NOT_FOUND, "there is no node " + query.nodeId() + " in this cluster");
    }
    Map<Long, VolumeRecord> volumes = new HashMap<>();
    List<Query.HeldChunk> strays = new ArrayList<>();
    for (Query.HeldChunk held : query.chunks()) {
      VolumeRecord volume = volumes.computeIfAbsent(held.volumeId(), state::volume);
      ChunkRecord chunk =
          volume == null ? null : state.chunk(held.volumeId(), held.layer(), held.index());
      if (chunk != null
          && chunk.replicas().stream().noneMatch(r -> r.nodeId() == query.nodeId())
          && MoveDecisions.isWhole(volume, chunk)) {
        strays.add(held);
      }
    }
    return new Reply.Strays(strays);
  }
}
