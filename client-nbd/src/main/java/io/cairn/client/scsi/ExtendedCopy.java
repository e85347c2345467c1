package io.cairn.client.scsi;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.cairn.storage.env.Payload;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.agrona.DirectBuffer;

/**
 * EXTENDED COPY(LID1), RECEIVE COPY STATUS(LID1) and RECEIVE COPY OPERATING PARAMETERS, SPC-4 6.4,
 * 6.24 and 6.23. Copies from block to block, within this logical unit and between it and others
 * that are active here and into which the initiator has logged in, too.
 *
 * <pre>
 * parameter list      0 list identifier   1 usage   2 target bytes (16)   8 segment bytes (32)
 *                     12 inline bytes (32)   16 target descriptors, then segment descriptors
 * target descriptor   0 E4h   1 device type   4 code set   5 designator type   7 its length
 *                     8 designator (20)   28 device type's own: 29 block length (24)
 * segment descriptor  0 02h   2 length (16)   4 source (16)   6 destination (16)   10 blocks (16)
 *                     12 source LBA (64)   20 destination LBA (64)
 * </pre>
 */
final class ExtendedCopy {
  /** MAXIMUM TARGET DESCRIPTOR COUNT: from and to. */
  static final int TARGETS_MAX = 2;

  /** MAXIMUM SEGMENT DESCRIPTOR COUNT. */
  static final int SEGMENTS_MAX = 32;

  /** MAXIMUM DESCRIPTOR LIST LENGTH. */
  static final int DESCRIPTORS_BYTES_MAX = 1024;

  /** The longest parameter list that is taken from an initiator; longer ones are refused. */
  static final int LIST_BYTES_MAX = 4096;

  /** What one segment can name: 16 bits of blocks. */
  static final int SEGMENT_BLOCKS_MAX = 65_535;

  /** Descriptors that are known, in ascending order. */
  static final byte[] DESCRIPTOR_TYPES = {0x02, (byte) 0xe4};

  private static final int HEADER_BYTES = 16;
  private static final int TARGET_BYTES = 32;
  private static final int SEGMENT_BYTES = 28;
  private static final int PIECE_BYTES = 1 << 20;

  /** Results of one initiator that are kept for RECEIVE COPY STATUS; older ones are forgotten. */
  private static final int RESULTS_MAX = 16;

  private static final int USAGE_DISCARDS = 3;

  private record Segment(CopyEnd from, long fromLba, CopyEnd to, long toLba, long blocks) {}

  /** One copy, under way or ended. */
  private static final class Copy {
    private int status;
    private int segmentsDone;
    private long bytesDone;
  }

  private static final int IN_PROGRESS = 0;
  private static final int COMPLETED = 1;
  private static final int FAILED = 2;

  private final Identity identity;
  private final BlockCommands blocks;
  private final ParameterData parameters;
  private CopyUnits others = new CopyUnits();

  /** This unit: who sent the command may use it. */
  private final CopyEnd here =
      new CopyEnd() {
        @Override
        public BlockCommands blocks() {
          return blocks;
        }

        @Override
        public void admit(boolean writes, Completion refused, Runnable run) {
          run.run();
        }
      };

  private final Map<Nexus, Map<Integer, Copy>> copies = new LinkedHashMap<>();

  ExtendedCopy(Identity identity, BlockCommands blocks, ParameterData parameters) {
    this.identity = identity;
    this.blocks = blocks;
    this.parameters = parameters;
  }

  void reach(CopyUnits units) {
    others = units;
  }

  /** An I_T nexus is lost, and with it what was kept for it. */
  void forget(Nexus nexus) {
    copies.remove(nexus);
  }

  /** EXTENDED COPY(LID1). */
  void copy(Nexus nexus, DirectBuffer cdb, Payload data, Completion done) {
    long listBytes = Cdb.unsignedInt(cdb, 10);
    if (listBytes == 0) {
      done.good();
      return;
    }
    if (listBytes < HEADER_BYTES || data == null || data.length() != listBytes) {
      done.check(Sense.PARAMETER_LIST_LENGTH);
      return;
    }
    byte[] bytes = new byte[data.length()];
    data.buffer().getBytes(data.offset(), bytes);
    ByteBuffer list = ByteBuffer.wrap(bytes).order(BIG_ENDIAN);
    List<Segment> segments = new ArrayList<>();
    Sense problem = parse(nexus, list, segments);
    if (problem != null) {
      done.check(problem);
      return;
    }
    Copy copy = new Copy();
    if ((list.get(1) >>> 3 & 3) != USAGE_DISCARDS) {
      Map<Integer, Copy> kept = copies.computeIfAbsent(nexus, one -> new LinkedHashMap<>());
      Copy former = kept.remove(list.get(0) & 0xff);
      if (former != null && former.status == IN_PROGRESS) {
        kept.put(list.get(0) & 0xff, former);
        done.check(Sense.OPERATION_IN_PROGRESS);
        return;
      }
      kept.put(list.get(0) & 0xff, copy);
      if (kept.size() > RESULTS_MAX) {
        kept.remove(kept.keySet().iterator().next());
      }
    }
    run(copy, segments, 0, done);
  }

  /** Reads the list; null, or what is wrong with it before anything was copied. */
  private Sense parse(Nexus nexus, ByteBuffer list, List<Segment> segments) {
    int targetBytes = list.getShort(2) & 0xffff;
    long segmentBytes = list.getInt(8) & 0xffffffffL;
    long inlineBytes = list.getInt(12) & 0xffffffffL;
    if (targetBytes + segmentBytes > DESCRIPTORS_BYTES_MAX
        || HEADER_BYTES + targetBytes + segmentBytes + inlineBytes > list.capacity()) {
      return Sense.PARAMETER_LIST_LENGTH;
    }
    if (inlineBytes != 0) {
      return Sense.INLINE_DATA_LENGTH;
    }
    if (targetBytes % TARGET_BYTES != 0) {
      return Sense.INVALID_PARAMETER_LIST;
    }
    int targets = targetBytes / TARGET_BYTES;
    if (targets > TARGETS_MAX) {
      return Sense.TOO_MANY_TARGETS;
    }
    int at = HEADER_BYTES;
    CopyEnd[] ends = new CopyEnd[targets];
    for (int i = 0; i < targets; i++, at += TARGET_BYTES) {
      if ((list.get(at) & 0xff) != 0xe4) {
        return Sense.UNSUPPORTED_TARGET;
      }
      ends[i] = end(nexus, list, at);
    }
    int end = at + (int) segmentBytes;
    boolean reachable = Arrays.stream(ends).allMatch(Objects::nonNull);
    Sense aborted = reachable ? null : Sense.COPY_TARGET_NOT_REACHABLE;
    while (at < end) {
      if (list.get(at) != 0x02) {
        return Sense.UNSUPPORTED_SEGMENT;
      }
      if (at + SEGMENT_BYTES > end || list.getShort(at + 2) != SEGMENT_BYTES - 4) {
        return Sense.INVALID_PARAMETER_LIST;
      }
      if (segments.size() == SEGMENTS_MAX) {
        return Sense.TOO_MANY_SEGMENTS;
      }
      int from = list.getShort(at + 4) & 0xffff;
      int to = list.getShort(at + 6) & 0xffff;
      if (aborted == null && (from >= targets || to >= targets)) {
        aborted = Sense.UNREACHABLE_COPY_TARGET;
      }
      Segment one =
          new Segment(
              aborted == null ? ends[from] : here,
              list.getLong(at + 12),
              aborted == null ? ends[to] : here,
              list.getLong(at + 20),
              list.getShort(at + 10) & 0xffff);
      if (aborted == null
          && (isOutside(one.from, one.fromLba, one) || isOutside(one.to, one.toLba, one))) {
        aborted = Sense.COPY_ABORTED_BEYOND_END;
      }
      segments.add(one);
      at += SEGMENT_BYTES;
    }
    return aborted;
  }

  private static boolean isOutside(CopyEnd end, long lba, Segment segment) {
    long capacity = end.blocks().capacityBlocks();
    return lba < 0 || lba > capacity || segment.blocks > capacity - lba;
  }

  /** The unit that an identification descriptor names by its NAA identifier; null when none. */
  private CopyEnd end(Nexus nexus, ByteBuffer list, int at) {
    boolean isNaa =
        (list.get(at + 1) & 0x1f) == 0
            && (list.get(at + 5) & 0x3f) == 0x03
            && list.get(at + 7) == 8;
    long naa = list.getLong(at + 8);
    CopyEnd end = !isNaa ? null : naa == identity.naa() ? here : others.find(naa, nexus);
    int blockBytes = list.getInt(at + 28) & 0xffffff;
    return end == null || blockBytes != end.blocks().blockBytes() ? null : end;
  }

  private void run(Copy copy, List<Segment> segments, int index, Completion done) {
    if (index == segments.size()) {
      copy.status = COMPLETED;
      done.good();
      return;
    }
    piece(
        copy,
        segments.get(index),
        0,
        (status, sense, none) -> {
          if (status != Scsi.GOOD) {
            copy.status = FAILED;
            done.check(sense);
            return;
          }
          copy.segmentsDone++;
          run(copy, segments, index + 1, done);
        });
  }

  /** Copies a segment in pieces, from its beginning. */
  private void piece(Copy copy, Segment segment, long doneBytes, Completion done) {
    int blockBytes = blocks.blockBytes();
    long left = segment.blocks * blockBytes - doneBytes;
    if (left == 0) {
      done.good();
      return;
    }
    int part = (int) Math.min(left, PIECE_BYTES);
    Completion ended =
        (status, sense, none) -> {
          if (status != Scsi.GOOD) {
            done.check(abortedBy(segment, sense));
            return;
          }
          copy.bytesDone += part;
          piece(copy, segment, doneBytes + part, done);
        };
    segment.from.admit(
        false,
        ended,
        () ->
            segment.to.admit(
                true,
                ended,
                () ->
                    segment
                        .from
                        .blocks()
                        .copy(
                            segment.fromLba * blockBytes + doneBytes,
                            segment.to.blocks(),
                            segment.toLba * blockBytes + doneBytes,
                            part,
                            ended)));
  }

  /** SPC-4 6.4.3: what another unit says is told as a failure of a third party. */
  private Sense abortedBy(Segment segment, Sense sense) {
    boolean within = segment.from == here && segment.to == here;
    return within || sense.key() == Sense.COPY_ABORTED ? sense : Sense.THIRD_PARTY_DEVICE_FAILURE;
  }

  /** RECEIVE COPY STATUS(LID1). */
  void status(Nexus nexus, DirectBuffer cdb, Completion done) {
    Map<Integer, Copy> kept = copies.get(nexus);
    Copy copy = kept == null ? null : kept.get(Cdb.unsignedByte(cdb, 2));
    if (copy == null) {
      done.check(Sense.invalidField(2));
      return;
    }
    ByteBuffer data = ByteBuffer.allocate(12).order(BIG_ENDIAN);
    // HDD: nothing else is held. The count is in KiB.
    data.putInt(8).put((byte) (0x80 | copy.status)).putShort((short) copy.segmentsDone);
    data.put((byte) 1).putInt((int) (copy.bytesDone >>> 10));
    parameters.send(data.array(), Cdb.unsignedInt(cdb, 10), done);
  }

  /** RECEIVE COPY OPERATING PARAMETERS. */
  void operatingParameters(DirectBuffer cdb, Completion done) {
    ByteBuffer data = ByteBuffer.allocate(44 + DESCRIPTOR_TYPES.length).order(BIG_ENDIAN);
    data.putInt(data.capacity() - 4);
    // SNLID: a list identifier is not needed when its usage says so.
    data.put(4, (byte) 1);
    data.putShort(8, (short) TARGETS_MAX).putShort(10, (short) SEGMENTS_MAX);
    data.putInt(12, DESCRIPTORS_BYTES_MAX);
    data.putInt(16, SEGMENT_BLOCKS_MAX * blocks.blockBytes());
    data.putShort(34, (short) RESULTS_MAX).put(36, (byte) RESULTS_MAX);
    data.put(37, (byte) Integer.numberOfTrailingZeros(blocks.blockBytes()));
    data.put(43, (byte) DESCRIPTOR_TYPES.length).put(44, DESCRIPTOR_TYPES);
    parameters.send(data.array(), Cdb.unsignedInt(cdb, 10), done);
  }
}
