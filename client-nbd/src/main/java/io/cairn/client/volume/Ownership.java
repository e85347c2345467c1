package io.cairn.client.volume;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.VolumeRecord;
import java.util.ArrayList;
import java.util.List;

/**
 * Takes the volume and reads its map of chunks, asking until the metadata answers; knows until when
 * the owner before may still serve reads.
 */
final class Ownership {
  private static final long RETRY_NANOS = 200_000_000L;

  private final VolumeSession session;
  private final SessionSettings settings;
  private final String name;
  private VolumeRecord volume;
  private long clusterId;
  private int level;
  private Reply.Refused refusal;
  private boolean previousReleased;
  private long acquiredNanos;
  private long firstFenceNanos = Long.MIN_VALUE;

  Ownership(VolumeSession session, SessionSettings settings, String name) {
    this.session = session;
    this.settings = settings;
    this.name = name;
  }

  /** The volume as it was acquired or resized; null before. */
  VolumeRecord volume() {
    return volume;
  }

  /** Why the volume was not to be had; null when it was, or when nobody knows yet. */
  Reply.Refused refusal() {
    return refusal;
  }

  /** What the cluster's servers may use, as of when the volume was taken; 1 below 3. */
  int level() {
    return level;
  }

  long clusterId() {
    return clusterId;
  }

  void acquire() {
    long sent = session.now();
    session.metadata.submit(
        acquisition(),
        (reply, now) -> {
          if (!session.acquires(now)) {
            return;
          }
          if (reply instanceof Reply.VolumeAcquired acquired) {
            volume = acquired.volume();
            clusterId = acquired.clusterId();
            level = acquired.level() == null ? 1 : acquired.level();
            previousReleased = acquired.previousReleased();
            acquiredNanos = now;
            session.lease.metadataConfirmed(sent);
            session.onAcquired();
            map(0);
          } else if (reply instanceof Reply.Refused refused) {
            refusal = refused;
            session.abandon(now);
          } else if (settings.maintainsGeneration() >= 0) {
            // Whether it was applied is not known, and it may not be tried again in another
            // generation: the metadata sees that nobody mends the volume, and offers it anew.
            session.abandon(now);
          } else {
            // Whether it was applied is not known: the next one takes the next generation.
            session.retryMetadata(this::acquire, RETRY_NANOS);
          }
        });
  }

  private Command acquisition() {
    return settings.maintainsGeneration() < 0
        ? new Command.AcquireVolume(
            name,
            settings.gateway(),
            settings.instance(),
            settings.address(),
            settings.takesGeneration())
        : new Command.MaintainVolume(
            name,
            settings.gateway(),
            settings.instance(),
            settings.address(),
            settings.maintainsGeneration());
  }

  /**
   * Reads the records of all chunks once more, and has them adopted. The generation is confirmed
   * after they were read: what a later owner made of them is none of ours.
   *
   * @param done hears the last page of them, or null when the metadata did not answer.
   */
  void mapAgain(MetadataCalls.Answer done) {
    mapAgain(0, new ArrayList<>(), done);
  }

  private void mapAgain(int fromIndex, List<Reply.Chunks> pages, MetadataCalls.Answer done) {
    session.metadata.query(
        new Query.GetChunks(volume.volumeId(), 0, fromIndex, settings.mapPage()),
        (reply, now) -> {
          if (session.isOver() || !(reply instanceof Reply.Chunks page)) {
            done.on(null, now);
            return;
          }
          pages.add(page);
          if (page.chunks().size() == settings.mapPage()) {
            mapAgain(page.chunks().getLast().index() + 1, pages, done);
          } else {
            adopt(pages, done);
          }
        });
  }

  private void adopt(List<Reply.Chunks> pages, MetadataCalls.Answer done) {
    session.metadata.query(
        new Query.ConfirmGeneration(volume.volumeId(), volume.generation()),
        (reply, now) -> {
          if (Allocation.isStale(reply)) {
            session.onFenced(now);
          } else if (reply instanceof Reply.Ok && !session.isOver()) {
            pages.forEach(page -> session.relearn(page, now));
            done.on(pages.getLast(), now);
          } else {
            done.on(null, now);
          }
        });
  }

  private void map(int fromIndex) {
    session.metadata.query(
        new Query.GetChunks(volume.volumeId(), 0, fromIndex, settings.mapPage()),
        (reply, now) -> {
          if (!session.maps(now)) {
            return;
          }
          if (!(reply instanceof Reply.Chunks page)) {
            session.retryMetadata(() -> map(fromIndex), RETRY_NANOS);
            return;
          }
          session.learn(page);
          if (page.chunks().size() == settings.mapPage()) {
            map(page.chunks().getLast().index() + 1);
          } else {
            session.onMapped(now);
          }
        });
  }

  /** A node took our fence. */
  void onFenceTaken(long nowNanos) {
    if (firstFenceNanos == Long.MIN_VALUE) {
      firstFenceNanos = nowNanos;
    }
  }

  /** From when on chunks may be allocated: no stale owner takes their place for empty then. */
  long allocationGateNanos() {
    if (previousReleased) {
      return Long.MIN_VALUE;
    }
    if (session.nodes().isEmpty()) {
      return acquiredNanos + settings.leaseNanos();
    }
    return firstFenceNanos == Long.MIN_VALUE
        ? Long.MAX_VALUE
        : firstFenceNanos + settings.leaseNanos();
  }

  /**
   * Until when a chunk must wait with a replica out of the set that we have not fenced: an owner
   * before us may read it while its lease lasts. Also when it left the set under another owner: the
   * one who can still read may be older than that.
   */
  long gateFor(OwnedReplica replica, long nowNanos) {
    boolean harmless = previousReleased || replica.node.firstFencedNanos != Long.MAX_VALUE;
    return harmless ? Long.MIN_VALUE : nowNanos + settings.leaseNanos();
  }

  /**
   * From when on a release may say that nobody else is left: the leases of all owners before us
   * have ended, whose last confirmations came before our fences.
   */
  long releaseGateNanos() {
    if (previousReleased) {
      return Long.MIN_VALUE;
    }
    long last = acquiredNanos;
    for (OwnedNode node : session.nodes()) {
      if (node.firstFencedNanos != Long.MAX_VALUE) {
        last = Math.max(last, node.firstFencedNanos);
      }
    }
    return last + settings.leaseNanos();
  }

  /** Whether no owner before us can have a lease any more once the gate is passed. */
  boolean leavesNobodyBehind() {
    if (previousReleased) {
      return true;
    }
    for (OwnedChunk chunk : session.chunks()) {
      boolean fenced = false;
      for (OwnedReplica replica : chunk.replicas()) {
        fenced |= replica.inSync() && replica.node.firstFencedNanos != Long.MAX_VALUE;
      }
      if (!fenced) {
        return false;
      }
    }
    return true;
  }

  /** Grows what is served, takes the number of replicas and wanted scrubs; of others nothing. */
  void changed(VolumeRecord newer) {
    if (volume != null
        && newer.volumeId() == volume.volumeId()
        && newer.generation() == volume.generation()
        && newer.sizeBytes() >= volume.sizeBytes()
        && newer.scrubs().isNoOlderThan(volume.scrubs())) {
      volume = newer;
    }
  }
}
