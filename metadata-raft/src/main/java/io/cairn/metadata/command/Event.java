package io.cairn.metadata.command;

import io.cairn.metadata.model.AccessRecord;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.ClusterCondition;
import io.cairn.metadata.model.ClusterEvent;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.model.PortalRecord;
import io.cairn.metadata.model.ReservationRecord;
import io.cairn.metadata.model.VolumeRecord;

/** What a decided command changes. Replaying the same events gives the same state everywhere. */
public sealed interface Event {
  /** The cluster has its identity. */
  record ClusterInitialized(long clusterId) implements Event {}

  /** What the servers may use, from now on; see the room release. */
  record LevelRaised(int level) implements Event {}

  /** A node joined, or came back with a new incarnation, address or label. */
  record NodeStored(NodeRecord node) implements Event {}

  /** A node left for good; its id and store stay dead. */
  record NodeRemoved(long nodeId) implements Event {}

  /** A volume was created, resized, acquired or released. */
  record VolumeStored(VolumeRecord volume) implements Event {}

  /** Registrations and the reservation of a volume changed. */
  record ReservationsStored(ReservationRecord reservations) implements Event {}

  /** Which initiators may open a volume changed. */
  record AccessChanged(AccessRecord access) implements Event {}

  /** A gateway serves iSCSI, or does so elsewhere. */
  record PortalStored(PortalRecord portal) implements Event {}

  /** A volume and all its chunks are gone; the id stays dead. */
  record VolumeDeleted(long volumeId) implements Event {}

  /** A chunk was allocated, or its replica set changed. */
  record ChunkStored(ChunkRecord chunk) implements Event {}

  /** Something is kept for operators; what is older than the last of them is forgotten. */
  record ClusterEventStored(ClusterEvent happened) implements Event {}

  /** A part of the cluster is not as before; the usual is not kept. */
  record ConditionStored(ClusterCondition condition) implements Event {}
}
