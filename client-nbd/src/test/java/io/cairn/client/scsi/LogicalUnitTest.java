package io.cairn.client.scsi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.cairn.client.nbd.server.MemoryVolume;
import io.cairn.client.volume.VolumeIo;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.transport.NettyPayload;
import io.netty.buffer.PooledByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** Commands as bytes, on a volume in memory. */
class LogicalUnitTest {
  private static final int BYTES = 8 << 20;
  private static final Identity OTHER = new Identity(1, 3, "iqn.2026-11.io.cairn:other", 1);
  private static final Identity IDENTITY = new Identity(1, 2, "iqn.2026-11.io.cairn:vol", 1);

  private final Payloads payloads = NettyPayload.allocator(PooledByteBufAllocator.DEFAULT);

  /** One initiator of a unit. */
  private final class Initiator {
    final LogicalUnit unit;
    final Nexus nexus;
    int status;
    Sense sense;
    byte[] data;

    Initiator(int blockBytes) {
      this(new MemoryVolume(BYTES, payloads), blockBytes);
    }

    Initiator(VolumeIo volume, int blockBytes) {
      this(
          new LogicalUnit(
              IDENTITY, volume, ActivePorts.ONE, new MemoryReservations(), payloads, blockBytes),
          "iqn.a",
          1);
    }

    Initiator(LogicalUnit unit, String name, long isid) {
      this.unit = unit;
      nexus = unit.attach(name, isid, ended -> ended.run());
      run("000000000000");
      assertEquals(Sense.POWER_ON, sense);
    }

    /** Runs a CDB that stands in hexadecimal digits. */
    Initiator run(String cdb, byte... out) {
      UnsafeBuffer bytes = new UnsafeBuffer(new byte[Scsi.CDB_BYTES]);
      bytes.putBytes(0, HexFormat.of().parseHex(cdb));
      Payload payload = null;
      if (out.length > 0) {
        Payloads.Writable copy = payloads.allocate(out.length);
        copy.mutable().putBytes(copy.offset(), out);
        payload = copy;
      }
      data = new byte[0];
      status = -1;
      unit.execute(
          nexus,
          0,
          bytes,
          out.length,
          payload,
          (endStatus, endSense, in) -> {
            assertEquals(-1, status, "ended twice");
            status = endStatus;
            sense = endSense;
            if (in != null) {
              data = new byte[in.length()];
              in.buffer().getBytes(in.offset(), data);
            }
          });
      if (payload != null) {
        payload.release();
      }
      return this;
    }

    Initiator good() {
      assertEquals(Scsi.GOOD, status, () -> String.valueOf(sense));
      return this;
    }
  }

  private static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  /** An EXTENDED COPY list with this unit as its one target, and one segment. */
  private static byte[] copyList(int source, int destination, int blocks, long from, long to) {
    ByteBuffer list = ByteBuffer.allocate(16 + 32 + 28);
    list.put(0, (byte) 7).putShort(2, (short) 32).putInt(8, 28);
    list.put(16, (byte) 0xe4).put(20, (byte) 1).put(21, (byte) 3).put(23, (byte) 8);
    list.putLong(24, IDENTITY.naa()).putInt(44, 512);
    list.put(48, (byte) 2).putShort(50, (short) 24);
    list.putShort(52, (short) source).putShort(54, (short) destination);
    list.putShort(58, (short) blocks).putLong(60, from).putLong(68, to);
    return list.array();
  }

  private static final String COPY = "830000000000000000000000004c0000";
  private static final String COPY_BETWEEN = "830000000000000000000000006c0000";

  @Test
  void extendedCopyMovesBlocksAndTellsItsStatus() {
    Initiator initiator = new Initiator(512);
    byte[] blocks = random(16 * 512);
    initiator.run("2a000000000300001000", blocks).good();
    initiator.run("84000700000000000000000001000000");
    assertEquals(Sense.invalidField(2), initiator.sense);
    initiator.run(COPY, copyList(0, 0, 16, 3, 4001)).good();
    assertArrayEquals(blocks, initiator.run("280000000fa100001000").good().data);
    // HDD and completed, one segment, 8 KiB.
    initiator.run("84000700000000000000000001000000").good();
    assertEquals("000000088100010100000008", HexFormat.of().formatHex(initiator.data));
  }

  /** A unit of another volume on the same gateway. */
  private LogicalUnit otherUnit(TargetPorts ports) {
    return new LogicalUnit(
        OTHER,
        new MemoryVolume(BYTES / 2, payloads),
        ports,
        new MemoryReservations(),
        payloads,
        512);
  }

  /** A list that copies from this unit (0) to another (1) or the other way. */
  private static byte[] copyBetween(int source, int destination, int blocks, long from, long to) {
    ByteBuffer list = ByteBuffer.allocate(16 + 64 + 28);
    byte[] one = copyList(source, destination, blocks, from, to);
    list.put(one, 0, 48).put(one, 16, 32).put(one, 48, 28);
    return list.putShort(2, (short) 64).putLong(56, OTHER.naa()).array();
  }

  @Test
  void extendedCopyReachesUnitsIntoWhichTheInitiatorLoggedIn() {
    Initiator here = new Initiator(512);
    LogicalUnit other = otherUnit(ActivePorts.ONE);
    byte[] copy = copyBetween(0, 1, 3000, 3, 5000);
    assertEquals(Sense.COPY_TARGET_NOT_REACHABLE, here.run(COPY_BETWEEN, copy).sense, "unknown");
    CopyUnits gateway = new CopyUnits();
    gateway.add(here.unit);
    gateway.add(other);
    Initiator stranger = new Initiator(other, "iqn.b", 1);
    assertEquals(Sense.COPY_TARGET_NOT_REACHABLE, here.run(COPY_BETWEEN, copy).sense, "no session");
    Initiator there = new Initiator(other, "iqn.a", 9);
    byte[] blocks = random(3000 * 512);
    here.run("2a0000000003000bb800", blocks).good();
    here.run(COPY_BETWEEN, copy).good();
    assertArrayEquals(blocks, there.run("280000001388000bb800").good().data);
    // And back, elsewhere.
    here.run(COPY_BETWEEN, copyBetween(1, 0, 3000, 5000, 9000)).good();
    assertArrayEquals(blocks, here.run("280000002328000bb800").good().data);
    assertEquals(
        Sense.COPY_ABORTED_BEYOND_END,
        here.run(COPY_BETWEEN, copyBetween(0, 1, 16, 0, BYTES / 1024 - 15)).sense,
        "the other one is smaller");
    // RESERVE(6) by somebody else at the other unit.
    stranger.run("160000000000").good();
    assertEquals(Sense.THIRD_PARTY_DEVICE_FAILURE, here.run(COPY_BETWEEN, copy).sense);
    stranger.run("170000000000").good();
    here.run(COPY_BETWEEN, copy).good();
    other.detach(there.nexus);
    assertEquals(Sense.COPY_TARGET_NOT_REACHABLE, here.run(COPY_BETWEEN, copy).sense, "logged out");
  }

  @Test
  void extendedCopyDoesNotReachAUnitThatIsActiveElsewhere() {
    TargetPorts.State[] state = {TargetPorts.State.ACTIVE};
    LogicalUnit other =
        otherUnit(
            new TargetPorts() {
              @Override
              public State state() {
                return state[0];
              }

              @Override
              public void wanted(Runnable decided) {
                decided.run();
              }

              @Override
              public void report(Report answer) {
                answer.ports(java.util.List.of());
              }
            });
    Initiator here = new Initiator(512);
    CopyUnits gateway = new CopyUnits();
    gateway.add(here.unit);
    gateway.add(other);
    new Initiator(other, "iqn.a", 2);
    here.run(COPY_BETWEEN, copyBetween(0, 1, 16, 0, 0)).good();
    state[0] = TargetPorts.State.STANDBY;
    assertEquals(
        Sense.COPY_TARGET_NOT_REACHABLE, here.run(COPY_BETWEEN, copyBetween(0, 1, 16, 0, 0)).sense);
  }

  @Test
  void extendedCopyThatCannotBeIsAbortedByItsReason() {
    Initiator initiator = new Initiator(512);
    assertEquals(
        Sense.UNREACHABLE_COPY_TARGET, initiator.run(COPY, copyList(0, 1, 16, 0, 99)).sense);
    assertEquals(
        Sense.COPY_ABORTED_BEYOND_END,
        initiator.run(COPY, copyList(0, 0, 16, 0, BYTES / 512 - 15)).sense);
    byte[] other = copyList(0, 0, 16, 0, 99);
    other[31]++;
    assertEquals(Sense.COPY_TARGET_NOT_REACHABLE, initiator.run(COPY, other).sense);
    byte[] unknown = copyList(0, 0, 16, 0, 99);
    unknown[48] = 1;
    assertEquals(Sense.UNSUPPORTED_SEGMENT, initiator.run(COPY, unknown).sense);
    byte[] longer = copyList(0, 0, 16, 0, 99);
    longer[11]++;
    assertEquals(Sense.PARAMETER_LIST_LENGTH, initiator.run(COPY, longer).sense);
    initiator.run("83000000000000000000000000000000").good();
  }

  /** Lists of any bytes are answered, once. */
  @Test
  void mutatedCopyListsAreAnswered() {
    Initiator initiator = new Initiator(512);
    Random random = new Random(5);
    for (int i = 0; i < 20_000; i++) {
      byte[] list = copyList(0, 0, 1, 0, 99);
      for (int changes = random.nextInt(4); changes >= 0; changes--) {
        list[random.nextInt(list.length)] = (byte) random.nextInt();
      }
      initiator.run(COPY, list);
      assertEquals(initiator.sense == null ? Scsi.GOOD : Scsi.CHECK_CONDITION, initiator.status);
    }
  }

  @Test
  void logicalBlocksMayBePhysicalOnes() {
    Initiator initiator = new Initiator(4096);
    initiator.run("9e100000000000000000000000200000").good();
    ByteBuffer capacity = ByteBuffer.wrap(initiator.data);
    assertEquals(BYTES / 4096 - 1, capacity.getLong(0));
    assertEquals(4096, capacity.getInt(8));
    assertEquals(0, capacity.get(13) & 0x0f);
    byte[] block = random(4096);
    initiator.run("2a000000000500000100", block).good();
    assertArrayEquals(block, initiator.run("28000000000500000100").good().data);
    initiator.run("28000000080000000100");
    assertEquals(Sense.LBA_OUT_OF_RANGE, initiator.sense);
    assertThrows(
        IllegalArgumentException.class,
        () ->
            new LogicalUnit(
                IDENTITY,
                new MemoryVolume(BYTES, payloads),
                ActivePorts.ONE,
                null,
                payloads,
                1024));
  }

  /** SBC-3 4.12: whoever sends the next command hears it, then everybody else. */
  @Test
  void resizeIsUnitAttentionForEveryInitiator() {
    long[] sizeBytes = {BYTES / 2};
    Initiator first =
        new Initiator(
            new MemoryVolume(BYTES, payloads) {
              @Override
              public long sizeBytes() {
                return sizeBytes[0];
              }
            },
            512);
    Nexus second = first.unit.attach("iqn.b", 1, ended -> ended.run());
    sizeBytes[0] = BYTES;
    assertEquals(Sense.CAPACITY_CHANGED, first.run("000000000000").sense);
    first.run("000000000000").good();
    assertEquals(Sense.POWER_ON, second.takeAttention());
    assertEquals(Sense.CAPACITY_CHANGED, second.takeAttention());
    first.run("28000000300000000100").good();
  }

  @Test
  void thereAreNoDefects() {
    Initiator initiator = new Initiator(512);
    assertArrayEquals(
        new byte[] {0, 0x1d, 0, 0}, initiator.run("37001d00000000000800").good().data);
    assertArrayEquals(
        new byte[] {0, 0x0d, 0, 0, 0, 0, 0, 0},
        initiator.run("b70d00000000000000080000").good().data);
  }
}
