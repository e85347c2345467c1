package io.cairn.metadata.machine;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Event;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.model.VolumeTier;
import io.cairn.metadata.release.Release;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Decides the commands that concern volumes and their ownership.
 *
 * <pre>
 * unowned --acquire (generation + 1)--> owned --acquire (generation + 1)--> owned
 * owned --release (same generation)--> unowned
 * unowned, or owned by one that is gone --maintain (the generation seen, + 1)--> owned
 * </pre>
 */
final class VolumeDecisions {
  static final long SIZE_MIN_BYTES = 1L << 20;
  static final long SIZE_MAX_BYTES = 1L << 50;
  static final int BLOCK_BYTES = 4096;
  static final int CHUNK_DEFAULT_BYTES = 64 << 20;
  static final int CHUNK_MIN_BYTES = 1 << 20;
  static final int CHUNK_MAX_BYTES = 1 << 30;
  static final int REPLICAS_DEFAULT = 3;
  static final int REPLICAS_MAX = 5;

  /** Keeps a write's version positive: see the data protocol. */
  static final long GENERATION_MAX = (1L << 23) - 1;

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,126}");

  private final MetadataState state;

  VolumeDecisions(MetadataState state) {
    this.state = state;
  }

  Decision create(Command.CreateVolume c) {
    if (c.name() == null || !NAME.matcher(c.name()).matches()) {
      return invalid(
          "name '"
              + c.name()
              + "' is not 1 to 127 letters, digits, '.', '_' or '-' that begin with a letter or"
              + " digit");
    }
    if (state.volume(c.name()) != null) {
      return Decision.refused(ErrorCode.EXISTS, "volume " + c.name() + " exists");
    }
    String problem = sizeProblem(c.sizeBytes());
    if (problem != null) {
      return invalid(problem);
    }
    int chunkSize = c.chunkSizeBytes() == 0 ? CHUNK_DEFAULT_BYTES : c.chunkSizeBytes();
    if (chunkSize < CHUNK_MIN_BYTES
        || chunkSize > CHUNK_MAX_BYTES
        || Integer.bitCount(chunkSize) != 1) {
      return invalid(
          "chunk size " + chunkSize + " is not a power of two from 1 MiB to 1 GiB, in bytes");
    }
    int replicas = c.replicas() == 0 ? REPLICAS_DEFAULT : c.replicas();
    if (replicas < 1 || replicas > REPLICAS_MAX) {
      return invalid("replicas " + replicas + " is outside 1 to " + REPLICAS_MAX);
    }
    int minInSync = c.minInSync() == 0 ? defaultMinInSync(replicas) : c.minInSync();
    if (minInSync < 1 || minInSync > replicas) {
      return invalid("minInSync " + minInSync + " is outside 1 to replicas, " + replicas);
    }
    VolumeTier tier = c.tier() == null ? VolumeTier.USUAL : c.tier();
    if (!tier.equals(VolumeTier.USUAL) && state.level() < Release.LEVEL_OF_TIERS) {
      return tooEarly();
    }
    VolumeRecord volume =
        new VolumeRecord(
            state.nextVolumeId(),
            c.name(),
            c.sizeBytes(),
            chunkSize,
            replicas,
            minInSync,
            c.durability() == null ? Durability.FLUSH : c.durability(),
            0,
            null);
    return stored(volume.tiered(tier));
  }

  private Decision tooEarly() {
    return Decision.tooEarly("cache modes and pins need", Release.LEVEL_OF_TIERS, state.level());
  }

  /** A majority, but 1 for two replicas: a pair must survive the loss of either. */
  static int defaultMinInSync(int replicas) {
    return replicas == 2 ? 1 : replicas / 2 + 1;
  }

  Decision resize(Command.ResizeVolume c) {
    VolumeRecord volume = state.volume(c.name());
    if (volume == null) {
      return unknown(c.name());
    }
    String problem = sizeProblem(c.sizeBytes());
    if (problem != null) {
      return invalid(problem);
    }
    if (c.sizeBytes() < volume.sizeBytes()) {
      return invalid(
          "size "
              + c.sizeBytes()
              + " is below the present "
              + volume.sizeBytes()
              + ": volumes grow only");
    }
    return stored(volume.sized(c.sizeBytes()));
  }

  /** What has to be placed or taken away is done by the owner, chunk by chunk. */
  Decision set(Command.SetVolume c) {
    VolumeRecord volume = state.volume(c.name());
    if (volume == null) {
      return unknown(c.name());
    }
    int replicas = c.replicas() == 0 ? volume.replicas() : c.replicas();
    if (replicas < 1 || replicas > REPLICAS_MAX) {
      return invalid("replicas " + replicas + " is outside 1 to " + REPLICAS_MAX);
    }
    boolean hadDefault = volume.minInSync() == defaultMinInSync(volume.replicas());
    int kept = hadDefault ? defaultMinInSync(replicas) : Math.min(volume.minInSync(), replicas);
    int minInSync = c.minInSync() == 0 ? kept : c.minInSync();
    if (minInSync < 1 || minInSync > replicas) {
      return invalid("minInSync " + minInSync + " is outside 1 to replicas, " + replicas);
    }
    long staying = state.nodes().stream().filter(node -> node.departure() == null).count();
    if (replicas > volume.replicas() && replicas > staying) {
      return Decision.refused(
          ErrorCode.NO_PLACEMENT,
          replicas
              + " replicas need as many nodes, and there are "
              + staying
              + "; add nodes first");
    }
    VolumeTier before = volume.tiering();
    VolumeTier tier =
        new VolumeTier(
            c.mode() == null ? before.mode() : c.mode(),
            c.pinned() == null ? before.pinned() : c.pinned());
    if (tier.pinned() && !tier.mayBeReadCached()) {
      return invalid(
          "volume "
              + c.name()
              + " cannot be pinned to the read caches in mode "
              + tier.mode().text());
    }
    if (!tier.equals(before) && state.level() < Release.LEVEL_OF_TIERS) {
      return tooEarly();
    }
    return stored(volume.keeping(replicas, minInSync).tiered(tier));
  }

  Decision delete(Command.DeleteVolume c) {
    VolumeRecord volume = state.volume(c.name());
    if (volume == null) {
      return unknown(c.name());
    }
    if (volume.owner() != null && !volume.owner().maintenance() && !c.force()) {
      return Decision.refused(
          ErrorCode.IN_USE,
          "volume "
              + c.name()
              + " is attached by gateway "
              + volume.owner().gateway()
              + "; detach it or delete with force");
    }
    return new Decision(
        List.of(new Event.VolumeDeleted(volume.volumeId())), new Reply.Volume(volume, null));
  }

  Decision acquire(Command.AcquireVolume c) {
    VolumeRecord volume = state.volume(c.name());
    if (volume == null) {
      return unknown(c.name());
    }
    if (c.expectedGeneration() >= 0 && c.expectedGeneration() != volume.generation()) {
      return Decision.refused(
          ErrorCode.STALE_GENERATION,
          "generation is " + volume.generation() + ", not " + c.expectedGeneration());
    }
    if (volume.generation() == GENERATION_MAX) {
      return invalid("generation " + GENERATION_MAX + " is the last: copy the volume");
    }
    return owned(volume, new VolumeRecord.Owner(c.gateway(), c.instance(), c.address()));
  }

  /** Never takes a volume from somebody who came after the offer: real owners go first. */
  Decision maintain(Command.MaintainVolume c) {
    VolumeRecord volume = state.volume(c.name());
    if (volume == null) {
      return unknown(c.name());
    }
    if (c.expectedGeneration() != volume.generation()) {
      return Decision.refused(
          ErrorCode.STALE_GENERATION,
          "generation is " + volume.generation() + ", not " + c.expectedGeneration());
    }
    if (volume.generation() == GENERATION_MAX) {
      return invalid("generation " + GENERATION_MAX + " is the last: copy the volume");
    }
    return owned(
        volume,
        new VolumeRecord.Owner(
            c.gateway(), c.instance(), c.address(), true, volume.mayBeTakenAtOnce()));
  }

  private Decision owned(VolumeRecord volume, VolumeRecord.Owner owner) {
    VolumeRecord owned = volume.ownedBy(owner, volume.generation() + 1);
    return new Decision(
        List.of(new Event.VolumeStored(owned)),
        new Reply.VolumeAcquired(
            owned,
            volume.mayBeTakenAtOnce(),
            state.clusterId(),
            state.level() < Release.LEVEL_OF_LOSSES ? null : state.level()));
  }

  Decision release(Command.ReleaseVolume c) {
    VolumeRecord volume = state.volume(c.volumeId());
    if (volume == null) {
      return unknown("with id " + c.volumeId());
    }
    if (volume.generation() != c.generation()) {
      return Decision.refused(
          ErrorCode.STALE_GENERATION,
          "generation is " + volume.generation() + ", not " + c.generation());
    }
    return stored(volume.ownedBy(null, volume.generation()));
  }

  private static String sizeProblem(long sizeBytes) {
    if (sizeBytes < SIZE_MIN_BYTES || sizeBytes > SIZE_MAX_BYTES || sizeBytes % BLOCK_BYTES != 0) {
      return "size "
          + sizeBytes
          + " is not a multiple of "
          + BLOCK_BYTES
          + " from "
          + SIZE_MIN_BYTES
          + " to "
          + SIZE_MAX_BYTES
          + " bytes";
    }
    return null;
  }

  private static Decision stored(VolumeRecord volume) {
    return new Decision(List.of(new Event.VolumeStored(volume)), new Reply.Volume(volume, null));
  }

  private static Decision invalid(String message) {
    return Decision.refused(ErrorCode.INVALID, message);
  }

  private static Decision unknown(String name) {
    return Decision.refused(ErrorCode.NOT_FOUND, "there is no volume " + name);
  }
}
