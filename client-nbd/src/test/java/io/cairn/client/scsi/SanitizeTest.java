package io.cairn.client.scsi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.nbd.server.MemoryVolume;
import io.cairn.metadata.model.ReservationRecord;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.transport.NettyPayload;
import io.netty.buffer.PooledByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HexFormat;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** SANITIZE on a volume of 8 MiB, step by step. */
class SanitizeTest {
  private static final int MIB = 1 << 20;
  private static final int BYTES = 8 * MIB;
  private static final String TUR = "000000000000";
  private static final String READ = "28000000000000000100";
  private static final String ERASE = "48020000000000000000";
  private static final String ERASE_IMMEDIATE = "48820000000000000000";
  private static final String EXIT_FAILURE = "481f0000000000000000";
  private static final int IN_PROGRESS = 0x041b;

  private final Payloads payloads = NettyPayload.allocator(PooledByteBufAllocator.DEFAULT);
  private final StepVolume volume = new StepVolume();
  private final AwayReservations records = new AwayReservations();

  /** A volume of which each request ends when the test says so, once it is told to wait. */
  private final class StepVolume extends MemoryVolume {
    private final Deque<Runnable> ends = new ArrayDeque<>();
    private boolean waits;
    private Failure failure;

    StepVolume() {
      super(BYTES, payloads);
    }

    /** Ends the oldest request. */
    void step() {
      ends.remove().run();
    }

    void finish() {
      waits = false;
      while (!ends.isEmpty()) {
        step();
      }
    }

    private void end(Runnable end) {
      if (waits) {
        ends.add(end);
      } else {
        end.run();
      }
    }

    @Override
    public void read(long offsetBytes, int lengthBytes, ReadCallback sink) {
      super.read(
          offsetBytes,
          lengthBytes,
          (payload, none) -> {
            payload.retain();
            end(
                () -> {
                  sink.done(payload, none);
                  payload.release();
                });
          });
    }

    @Override
    public void write(long offsetBytes, Payload payload, boolean fua, Callback done) {
      super.write(offsetBytes, payload, fua, ended -> end(() -> done.done(failure)));
    }

    @Override
    public void zero(
        long offsetBytes, long lengthBytes, boolean mayPunch, boolean fua, Callback done) {
      super.zero(offsetBytes, lengthBytes, mayPunch, fua, ended -> end(() -> done.done(failure)));
    }

    boolean isFilledWith(int value) {
      boolean[] filled = {true};
      super.read(
          0,
          BYTES,
          (data, none) -> {
            for (int i = 0; i < BYTES && filled[0]; i++) {
              filled[0] = data.buffer().getByte(data.offset() + i) == (byte) value;
            }
          });
      return filled[0];
    }

    /** Fills it beneath everybody. */
    void fill(int value) {
      byte[] bytes = new byte[BYTES];
      Arrays.fill(bytes, (byte) value);
      Payloads.Writable payload = payloads.allocate(BYTES);
      payload.mutable().putBytes(payload.offset(), bytes);
      super.write(0, payload, false, ended -> {});
      payload.release();
    }
  }

  private static final class AwayReservations extends MemoryReservations {
    private boolean away;

    @Override
    public void load(Loaded answer) {
      if (away) {
        answer.loaded(null);
      } else {
        super.load(answer);
      }
    }

    ReservationRecord.Sanitizing sanitizing() {
      ReservationRecord.Sanitizing[] found = {null};
      super.load(record -> found[0] = record.sanitizing());
      return found[0];
    }
  }

  private LogicalUnit gateway(int targetPort) {
    LogicalUnit unit =
        new LogicalUnit(
            new Identity(1, 2, "iqn.x:vol", targetPort),
            volume,
            ActivePorts.ONE,
            records,
            payloads,
            512);
    records.load(unit::learnReservations);
    return unit;
  }

  /** An initiator with a session. */
  private final class Initiator implements Nexus.TaskSet {
    final LogicalUnit unit;
    final Nexus nexus;
    UnsafeBuffer cdb;
    int status;
    Sense sense;
    byte[] data;

    Initiator(LogicalUnit unit, String name) {
      this.unit = unit;
      nexus = unit.attach(name, 1, this);
      assertEquals(Sense.POWER_ON, nexus.takeAttention());
    }

    /** A session has nothing to wait for once the unit let go of what it sent. */
    @Override
    public void abortTasks(Runnable ended) {
      unit.abandon(cdb);
      ended.run();
    }

    /** Status, or the code of the sense data; -1 while it is under way. */
    int run(String digits, byte... out) {
      cdb = new UnsafeBuffer(new byte[Scsi.CDB_BYTES]);
      cdb.putBytes(0, HexFormat.of().parseHex(digits));
      Payloads.Writable payload = null;
      if (out.length > 0) {
        payload = payloads.allocate(out.length);
        payload.mutable().putBytes(payload.offset(), out);
      }
      status = -1;
      UnsafeBuffer sent = cdb;
      unit.execute(
          nexus,
          0,
          cdb,
          out.length,
          payload,
          (endStatus, endSense, in) -> {
            if (sent == cdb) {
              status = endSense == null ? endStatus : endSense.code();
              sense = endSense;
              data = new byte[in == null ? 0 : in.length()];
              if (in != null) {
                in.buffer().getBytes(in.offset(), data);
              }
            }
          });
      if (payload != null) {
        payload.release();
      }
      return status;
    }

    /** OVERWRITE with IMMED. */
    int overwrite(int flagsAndCount, byte... pattern) {
      ByteBuffer list = ByteBuffer.allocate(4 + pattern.length).put((byte) flagsAndCount);
      list.putShort(2, (short) pattern.length).put(4, pattern);
      return run(String.format("48810000000000%04x00", list.capacity()), list.array());
    }

    int progress() {
      assertEquals(IN_PROGRESS, run(TUR));
      assertEquals(Sense.NOT_READY, sense.key());
      return sense.progress();
    }
  }

  @Test
  void blockEraseLeavesNothing() {
    volume.fill('a');
    Initiator a = new Initiator(gateway(1), "iqn.a");
    assertEquals(Scsi.GOOD, a.run(ERASE));
    assertTrue(volume.isFilledWith(0));
    assertEquals(Scsi.GOOD, a.run(READ));
    assertEquals(null, records.sanitizing());
  }

  @Test
  void overwriteRepeatsItsPatternInEveryBlock() {
    Initiator a = new Initiator(gateway(1), "iqn.a");
    assertEquals(Scsi.GOOD, a.overwrite(1, new byte[] {1, 2, 3}));
    assertEquals(Scsi.GOOD, a.run("28000000000100000100"));
    for (int i = 0; i < 512; i++) {
      assertEquals(i % 3 + 1, a.data[i]);
    }
    assertEquals(Scsi.GOOD, a.overwrite(0x83, (byte) 0xa5));
    assertTrue(volume.isFilledWith(0xa5), "inverted twice");
    assertEquals(Scsi.GOOD, a.overwrite(0x82, (byte) 0xa5));
    assertTrue(volume.isFilledWith(0x5a));
  }

  @Test
  void unitIsNotReadyUntilItHasEnded() {
    volume.fill('a');
    Initiator a = new Initiator(gateway(1), "iqn.a");
    volume.waits = true;
    assertEquals(Scsi.GOOD, a.run(ERASE_IMMEDIATE));
    assertEquals(0, a.progress());
    volume.step();
    volume.step();
    assertEquals(0x4000, a.progress());
    for (String refused :
        new String[] {
          READ, "2a000000000000000100", "1b0000000100", ERASE, "5e00000000000001ff00"
        }) {
      assertEquals(IN_PROGRESS, a.run(refused, new byte[512]), refused);
    }
    assertEquals(Scsi.GOOD, a.run("120000006000"));
    assertEquals(Scsi.GOOD, a.run("030000001200"));
    assertEquals(
        "70000200000000" + "0a" + "00000000" + "041b" + "00" + "804000",
        HexFormat.of().formatHex(a.data));
    assertEquals(Scsi.GOOD, a.run("030100001200"));
    assertEquals("7202041b00000008" + "0206000080400000", HexFormat.of().formatHex(a.data));
    volume.finish();
    assertEquals(Scsi.GOOD, a.run(TUR));
    assertTrue(volume.isFilledWith(0));
  }

  @Test
  void progressCountsAllPasses() {
    Initiator a = new Initiator(gateway(1), "iqn.a");
    volume.waits = true;
    assertEquals(Scsi.GOOD, a.overwrite(2, (byte) 1));
    for (int i = 0; i < 12; i++) {
      volume.step();
    }
    assertEquals(0xc000, a.progress());
    volume.finish();
    assertEquals(Scsi.GOOD, a.run(TUR));
  }

  @Test
  void itGoesOnThoughWhoSentItResetsAndLeaves() {
    volume.fill('a');
    LogicalUnit unit = gateway(1);
    Initiator a = new Initiator(unit, "iqn.a");
    boolean[] ended = new boolean[2];
    unit.onSanitized(() -> ended[1] = true);
    volume.waits = true;
    assertEquals(-1, a.run(ERASE));
    volume.step();
    unit.reset(() -> ended[0] = true);
    assertTrue(ended[0], "the reset does not wait for it");
    unit.detach(a.nexus);
    assertTrue(unit.isSanitizing());
    Initiator b = new Initiator(unit, "iqn.b");
    assertEquals(0x2000, b.progress());
    assertFalse(ended[1]);
    volume.finish();
    assertTrue(ended[1]);
    assertTrue(volume.isFilledWith(0));
    assertFalse(unit.isSanitizing());
  }

  /** What was read before it must not be written behind it. */
  @Test
  void commandThatBeganBeforeWritesNothingBehindIt() {
    volume.fill('a');
    LogicalUnit unit = gateway(1);
    Initiator a = new Initiator(unit, "iqn.a");
    Initiator b = new Initiator(unit, "iqn.b");
    volume.waits = true;
    byte[] both = new byte[1024];
    Arrays.fill(both, (byte) 'a');
    assertEquals(-1, b.run("89000000000000000000000000010000", both));
    assertEquals(Scsi.GOOD, a.run(ERASE_IMMEDIATE));
    volume.finish();
    assertEquals(0x0400, b.status);
    assertTrue(volume.isFilledWith(0));
    assertEquals(Scsi.GOOD, b.run(READ));
  }

  @Test
  void nextGatewayBeginsItAnew() {
    volume.fill('a');
    Initiator a = new Initiator(gateway(1), "iqn.a");
    volume.waits = true;
    assertEquals(Scsi.GOOD, a.overwrite(1, (byte) 7));
    volume.step();
    volume.ends.clear();
    Initiator b = new Initiator(gateway(2), "iqn.b");
    assertEquals(0, b.progress());
    volume.finish();
    assertEquals(Scsi.GOOD, b.run(TUR));
    assertTrue(volume.isFilledWith(7));
    assertEquals(null, records.sanitizing());
  }

  @Test
  void failureHoldsUntilSanitizeSucceeds() {
    LogicalUnit unit = gateway(1);
    Initiator a = new Initiator(unit, "iqn.a");
    volume.failure = StepVolume.Failure.NO_SPACE;
    assertEquals(0x3103, a.run(ERASE));
    assertEquals(Sense.SANITIZE_FAILED, a.sense);
    assertEquals(0x3103, a.run(READ));
    assertEquals(0x3103, new Initiator(gateway(2), "iqn.b").run(TUR), "another gateway knows it");
    assertEquals(0x2400, a.run(EXIT_FAILURE), "AUSE was not there");
    assertEquals(0x2400, a.run("48a20000000000000000"), "nor may it come later");
    volume.failure = null;
    assertEquals(Scsi.GOOD, a.run(ERASE));
    assertEquals(Scsi.GOOD, a.run(READ));
  }

  @Test
  void failureThatMayBeLeftIsLeft() {
    Initiator a = new Initiator(gateway(1), "iqn.a");
    assertEquals(Scsi.GOOD, a.run(EXIT_FAILURE), "nothing has failed");
    volume.failure = StepVolume.Failure.NO_SPACE;
    assertEquals(0x3103, a.run("48220000000000000000"));
    assertEquals(0x3103, a.run(TUR));
    assertEquals(Scsi.GOOD, a.run(EXIT_FAILURE));
    assertEquals(Scsi.GOOD, a.run(TUR));
    assertEquals(null, records.sanitizing());
  }

  /** Nobody is told that it did not begin while it may be on record. */
  @Test
  void withoutTheRecordItWaits() {
    volume.fill('a');
    LogicalUnit unit = gateway(1);
    Initiator a = new Initiator(unit, "iqn.a");
    records.away = true;
    assertEquals(-1, a.run(ERASE));
    assertTrue(volume.isFilledWith('a'));
    assertEquals(IN_PROGRESS, new Initiator(unit, "iqn.b").run(TUR));
    records.away = false;
    unit.remind();
    assertEquals(Scsi.GOOD, a.status);
    assertTrue(volume.isFilledWith(0));
    // And at its end.
    volume.waits = true;
    assertEquals(Scsi.GOOD, a.run(ERASE_IMMEDIATE));
    records.away = true;
    volume.finish();
    assertEquals(IN_PROGRESS, a.run(TUR));
    records.away = false;
    assertEquals(Scsi.GOOD, a.run(TUR));
  }

  @Test
  void fieldsThatMeanNothingAreRefused() {
    Initiator a = new Initiator(gateway(1), "iqn.a");
    byte[] list = new byte[516];
    list[0] = 1;
    list[2] = 2;
    assertEquals(Scsi.GOOD, a.run("48010000000000020400", list));
    for (String cdb :
        new String[] {
          "48410000000000020400", "48010000000001020400", "48010001000000020400",
          "48010000000000000400", "48010000000000020500", "48020000000000000800",
          "481f0000000000000800", "48030000000000000000", "48000000000000000000"
        }) {
      assertEquals(0x2400, a.run(cdb, list), cdb);
    }
    list[0] = 0;
    assertEquals(0x2600, a.run("48010000000000020400", list), "no pass");
    list[0] = 1;
    list[3] = 1;
    assertEquals(0x2600, a.run("48010000000000020400", list), "a pattern longer than the list");
    assertArrayEquals(
        HexFormat.of().parseHex("0003000a48a10000000000ffff07"),
        operation(a, "a30c03480001000000ff0000"));
  }

  private static byte[] operation(Initiator a, String cdb) {
    assertEquals(Scsi.GOOD, a.run(cdb));
    return a.data;
  }

  @Test
  void itNeedsTheRightToWrite() {
    LogicalUnit unit = gateway(1);
    Initiator a = new Initiator(unit, "iqn.a");
    Initiator b = new Initiator(unit, "iqn.b");
    assertEquals(Scsi.GOOD, a.run("160000000000"));
    assertEquals(Scsi.RESERVATION_CONFLICT, b.run(ERASE));
    // SWP.
    byte[] protect = HexFormat.of().parseHex("00000000" + "0a0a00100800000000000000");
    protect[12] = (byte) 0xff;
    protect[13] = (byte) 0xff;
    assertEquals(Scsi.GOOD, a.run("151000001000", protect));
    assertEquals(0x2700, a.run(ERASE));
  }
}
