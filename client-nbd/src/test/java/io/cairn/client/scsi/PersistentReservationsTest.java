package io.cairn.client.scsi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.cairn.client.nbd.server.MemoryVolume;
import io.cairn.metadata.model.ReservationRecord;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.transport.NettyPayload;
import io.netty.buffer.PooledByteBufAllocator;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HexFormat;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** PERSISTENT RESERVE through one and through two gateways. */
class PersistentReservationsTest {
  private static final int WRITE_EXCLUSIVE = 1;
  private static final int WRITE_EXCLUSIVE_REGISTRANTS = 5;
  private static final String READ = "28000000000000000100";
  private static final String TUR = "000000000000";

  private final Payloads payloads = NettyPayload.allocator(PooledByteBufAllocator.DEFAULT);
  private final MemoryVolume volume = new MemoryVolume(8 << 20, payloads);
  private final FaultyReservations record = new FaultyReservations();

  /** A record of which answers get lost. */
  private static final class FaultyReservations extends MemoryReservations {
    private final Deque<Outcome> faults = new ArrayDeque<>();
    private boolean away;
    private int loads;

    @Override
    public void load(Loaded answer) {
      loads++;
      if (away) {
        answer.loaded(null);
      } else {
        super.load(answer);
      }
    }

    @Override
    public void store(ReservationRecord next, boolean restricts, Stored answer) {
      Outcome fault = faults.poll();
      if (fault == null) {
        super.store(next, restricts, answer);
      } else if (fault == Outcome.STORED) {
        super.store(next, restricts, unheard -> answer.stored(Outcome.UNKNOWN));
      } else {
        answer.stored(fault);
      }
    }
  }

  /** A gateway that knows of these ports. */
  private LogicalUnit gateway(int targetPort, int... known) {
    return new LogicalUnit(
        new Identity(1, 2, "iqn.x:vol", targetPort),
        volume,
        known.length == 0 ? ActivePorts.ONE : new ActivePorts(known),
        record,
        payloads,
        512);
  }

  /** An initiator with a session through one gateway. */
  private final class Initiator {
    final LogicalUnit unit;
    final Nexus nexus;
    int status;
    Sense sense;
    byte[] data;

    Initiator(LogicalUnit unit, String name) {
      this.unit = unit;
      nexus = unit.attach(name, 1, ended -> ended.run());
      assertEquals(Sense.POWER_ON, nexus.takeAttention());
    }

    int run(String cdb, byte... out) {
      UnsafeBuffer bytes = new UnsafeBuffer(new byte[Scsi.CDB_BYTES]);
      bytes.putBytes(0, HexFormat.of().parseHex(cdb));
      Payloads.Writable payload = null;
      if (out.length > 0) {
        payload = payloads.allocate(out.length);
        payload.mutable().putBytes(payload.offset(), out);
      }
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
            data = new byte[in == null ? 0 : in.length()];
            if (in != null) {
              in.buffer().getBytes(in.offset(), data);
            }
          });
      if (payload != null) {
        payload.release();
      }
      return status;
    }

    int write() {
      return run("2a000000000000000100", new byte[512]);
    }

    /** PERSISTENT RESERVE OUT. */
    int out(int action, int type, long key, long actionKey, int flags) {
      byte[] list = new byte[24];
      ByteBuffer.wrap(list).putLong(key).putLong(actionKey);
      list[20] = (byte) flags;
      return run(String.format("5f%02x%02x00000000001800", action, type), list);
    }

    int register(long key) {
      return out(0, 0, 0, key, 1);
    }

    int reserve(long key, int type) {
      return out(1, type, key, 0, 0);
    }

    int preempt(long key, long actionKey, int type) {
      return out(4, type, key, actionKey, 0);
    }

    /** REGISTER with SPEC_I_PT, by TransportIDs that stand one behind the other. */
    int registerWith(long key, long actionKey, int flags, byte[] ids) {
      ByteBuffer list = ByteBuffer.allocate(28 + ids.length).putLong(key).putLong(actionKey);
      list.put(20, (byte) (0x08 | flags)).putInt(24, ids.length).put(28, ids);
      return run(String.format("5f000000000000%04x00", list.capacity()), list.array());
    }

    /** REGISTER AND MOVE. */
    int move(long key, long actionKey, int targetPort, int flags, byte[] id) {
      ByteBuffer list = ByteBuffer.allocate(24 + id.length).putLong(key).putLong(actionKey);
      list.put(17, (byte) flags).putShort(18, (short) targetPort).putInt(20, id.length);
      list.put(24, id);
      return run(String.format("5f070000000000%04x00", list.capacity()), list.array());
    }

    ByteBuffer in(int action) {
      assertEquals(Scsi.GOOD, run(String.format("5e%02x000000000001ff00", action)));
      return ByteBuffer.wrap(data);
    }
  }

  /** The unit of a gateway that begins anew knows only what stands on record. */
  @Test
  void reservationHoldsAfterTheGatewayBeganAnew() {
    Initiator a = new Initiator(gateway(1), "iqn.a");
    assertEquals(Scsi.GOOD, a.register(7));
    assertEquals(Scsi.GOOD, a.reserve(7, WRITE_EXCLUSIVE));
    LogicalUnit restarted = gateway(1);
    record.load(restarted::learnReservations);
    Initiator b = new Initiator(restarted, "iqn.b");
    assertEquals(Scsi.RESERVATION_CONFLICT, b.write());
    assertEquals(Scsi.GOOD, b.run(READ));
    Initiator again = new Initiator(restarted, "iqn.a");
    assertEquals(Scsi.GOOD, again.write());
    // PRGENERATION 1, one key.
    assertArrayEquals(
        HexFormat.of().parseHex("00000001000000080000000000000007"), again.in(0).array());
    // SIP_C, ATP_C and PTPL_C; TMV and PTPL_A.
    assertEquals(0x00080d81, again.in(2).getInt(0));
  }

  @Test
  void whatAnotherGatewayLetInIsNotRefused() {
    LogicalUnit first = gateway(1);
    LogicalUnit second = gateway(2);
    Initiator a = new Initiator(first, "iqn.a");
    Initiator b = new Initiator(second, "iqn.b");
    a.register(7);
    a.reserve(7, WRITE_EXCLUSIVE_REGISTRANTS);
    assertEquals(Scsi.GOOD, b.register(8));
    assertEquals(Scsi.GOOD, b.write());
    // Through the first gateway b has not registered: it is another nexus.
    Initiator other = new Initiator(first, "iqn.b");
    assertEquals(Scsi.RESERVATION_CONFLICT, other.write());
    assertEquals(Scsi.GOOD, b.out(2, WRITE_EXCLUSIVE_REGISTRANTS, 8, 0, 0), "is not the holder");
    assertEquals(Scsi.RESERVATION_CONFLICT, other.write());
    assertEquals(Scsi.GOOD, b.preempt(8, 7, WRITE_EXCLUSIVE_REGISTRANTS));
    assertEquals(Scsi.GOOD, b.out(2, WRITE_EXCLUSIVE_REGISTRANTS, 8, 0, 0));
    assertEquals(Scsi.GOOD, other.write());
    assertEquals(Scsi.CHECK_CONDITION, a.run(TUR));
    assertEquals(Sense.REGISTRATIONS_PREEMPTED, a.sense);
  }

  @Test
  void registrationForAllTargetPortsHoldsThroughEveryGateway() {
    Initiator a = new Initiator(gateway(1), "iqn.a");
    Initiator holder = new Initiator(gateway(3), "iqn.h");
    assertEquals(Scsi.GOOD, a.out(0, 0, 0, 9, 4));
    holder.register(5);
    holder.reserve(5, WRITE_EXCLUSIVE_REGISTRANTS);
    assertEquals(Scsi.GOOD, new Initiator(gateway(2), "iqn.a").write());
    ByteBuffer status = a.in(3);
    assertEquals(9, status.getLong(8));
    assertEquals(2, status.get(8 + 12), "ALL_TG_PT");
    assertEquals(0, status.getShort(8 + 18));
  }

  @Test
  void lostAnswerIsLookedUp() {
    Initiator a = new Initiator(gateway(1), "iqn.a");
    record.faults.add(ReservationStore.Outcome.STORED);
    assertEquals(Scsi.GOOD, a.register(7));
    record.faults.add(ReservationStore.Outcome.UNKNOWN);
    assertEquals(Scsi.GOOD, a.out(0, 0, 7, 8, 1), "the command was lost, and is stored again");
    record.faults.add(ReservationStore.Outcome.STALE);
    assertEquals(Scsi.GOOD, a.reserve(8, WRITE_EXCLUSIVE));
    assertEquals(2, a.in(0).getInt(0));
    assertNull(a.nexus.takeAttention());
  }

  /** Without the record nobody is let in who was out, and what is known goes on to hold. */
  @Test
  void withoutTheRecordWhatWasKnownHolds() {
    LogicalUnit unit = gateway(1);
    Initiator a = new Initiator(unit, "iqn.a");
    Initiator b = new Initiator(unit, "iqn.b");
    a.register(7);
    a.reserve(7, WRITE_EXCLUSIVE);
    record.away = true;
    int loads = record.loads;
    assertEquals(Scsi.GOOD, a.write());
    assertEquals(loads, record.loads, "a command without a conflict asks nobody");
    assertEquals(Scsi.RESERVATION_CONFLICT, b.write());
    assertEquals(Scsi.BUSY, b.register(8));
    assertEquals(Scsi.BUSY, b.run("5e00000000000001ff00"));
    record.away = false;
    assertEquals(Scsi.GOOD, b.register(8));
  }

  private static byte[] joined(byte[]... ids) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] id : ids) {
      all.writeBytes(id);
    }
    return all.toByteArray();
  }

  /** The TransportID of an initiator without its port. */
  private static byte[] initiatorId(String name) {
    byte[] id = TransportId.encode(name);
    id[0] = 0x05;
    return id;
  }

  @Test
  void holderMovesItsReservationToAnotherPort() {
    LogicalUnit first = gateway(1, 1, 2);
    Initiator a = new Initiator(first, "iqn.a");
    Initiator b = new Initiator(gateway(2, 1, 2), "iqn.b");
    byte[] idOfB = TransportId.encode("iqn.b,i,0x000000000001");
    a.register(7);
    assertEquals(Scsi.CHECK_CONDITION, a.move(7, 9, 2, 1, idOfB), "reserved by nobody");
    assertEquals(Sense.INVALID_FIELD, a.sense);
    a.reserve(7, WRITE_EXCLUSIVE);
    assertEquals(Scsi.RESERVATION_CONFLICT, a.move(8, 9, 2, 1, idOfB), "not its key");
    assertEquals(Scsi.RESERVATION_CONFLICT, b.move(7, 9, 2, 1, idOfB), "not registered");
    assertEquals(Scsi.CHECK_CONDITION, a.move(7, 0, 2, 1, idOfB));
    assertEquals(Sense.INVALID_PARAMETER_LIST, a.sense);
    assertEquals(Scsi.CHECK_CONDITION, a.move(7, 9, 3, 1, idOfB), "there is no such port");
    assertEquals(Sense.INVALID_PARAMETER_LIST, a.sense);
    byte[] idOfA = TransportId.encode("iqn.a,i,0x000000000001");
    assertEquals(Scsi.CHECK_CONDITION, a.move(7, 9, 1, 1, idOfA), "it is the holder");
    assertEquals(Sense.INVALID_PARAMETER_LIST, a.sense);

    assertEquals(Scsi.GOOD, a.move(7, 9, 2, 1, idOfB));
    assertEquals(Scsi.RESERVATION_CONFLICT, a.write());
    assertEquals(Scsi.GOOD, b.write());
    ByteBuffer reservation = b.in(1);
    assertEquals(9, reservation.getLong(8));
    assertEquals(WRITE_EXCLUSIVE, reservation.get(21));
    assertEquals(2, reservation.getInt(0), "it counts as a registration");
    assertEquals(16, b.in(0).getInt(4), "both are registered");
    assertEquals(Scsi.CHECK_CONDITION, a.move(7, 9, 2, 1, idOfB), "not the holder any more");
    assertEquals(Sense.INVALID_FIELD, a.sense);

    // Back, without a registration of its own any more; without an ISID the port must be known.
    assertEquals(Scsi.CHECK_CONDITION, b.move(9, 11, 1, 2, initiatorId("iqn.a")));
    assertEquals(Sense.INVALID_PARAMETER_LIST, b.sense);
    assertEquals(Scsi.GOOD, b.move(9, 11, 1, 2, idOfA));
    assertEquals(Scsi.GOOD, a.write());
    assertEquals(Scsi.RESERVATION_CONFLICT, b.write());
    ByteBuffer keys = a.in(0);
    assertEquals(8, keys.getInt(4));
    assertEquals(11, keys.getLong(8));
    Initiator c = new Initiator(first, "iqn.c");
    assertEquals(Scsi.GOOD, a.move(11, 12, 1, 2, initiatorId("iqn.c")));
    assertEquals(Scsi.GOOD, c.write());
  }

  @Test
  void reservationOfAllRegistrantsIsNotMoved() {
    Initiator a = new Initiator(gateway(1), "iqn.a");
    a.register(7);
    a.reserve(7, 7);
    assertEquals(
        Scsi.RESERVATION_CONFLICT,
        a.move(7, 9, 1, 1, TransportId.encode("iqn.b,i,0x000000000001")));
  }

  @Test
  void initiatorRegistersOthersByTheirNames() {
    LogicalUnit unit = gateway(1);
    Initiator a = new Initiator(unit, "iqn.a");
    Initiator b = new Initiator(unit, "iqn.b");
    byte[] ids = joined(TransportId.encode("iqn.absent,i,0x00000000beef"), initiatorId("iqn.b"));
    assertEquals(Scsi.GOOD, a.registerWith(0, 7, 1, ids));
    ByteBuffer status = a.in(3);
    assertEquals(24, a.in(0).getInt(4), "three keys");
    assertEquals(7, status.getLong(8));
    assertEquals(Scsi.GOOD, a.reserve(7, WRITE_EXCLUSIVE_REGISTRANTS));
    assertEquals(Scsi.GOOD, b.write());
    assertEquals(Scsi.RESERVATION_CONFLICT, new Initiator(unit, "iqn.c").write());
    assertEquals(Scsi.GOOD, b.preempt(7, 7, WRITE_EXCLUSIVE_REGISTRANTS));

    assertEquals(Scsi.CHECK_CONDITION, b.registerWith(7, 8, 1, ids), "registered by now");
    assertEquals(Sense.INVALID_FIELD, b.sense);
    Initiator d = new Initiator(unit, "iqn.d");
    assertEquals(Scsi.CHECK_CONDITION, d.registerWith(0, 8, 1, initiatorId("iqn.nobody")));
    assertEquals(Sense.INVALID_PARAMETER_LIST, d.sense);
    assertEquals(8, b.in(0).getInt(4), "one key");
  }

  @Test
  void othersAreRegisteredForAllTargetPorts() {
    Initiator a = new Initiator(gateway(1), "iqn.a");
    assertEquals(Scsi.GOOD, a.registerWith(0, 7, 4, TransportId.encode("iqn.b,i,0x000000000001")));
    a.reserve(7, WRITE_EXCLUSIVE_REGISTRANTS);
    assertEquals(Scsi.GOOD, new Initiator(gateway(2), "iqn.b").write());
  }

  /** Lists of any bytes are answered, once. */
  @Test
  void mutatedTransportIdsAreAnswered() {
    Initiator a = new Initiator(gateway(1), "iqn.a");
    Random random = new Random(3);
    a.register(7);
    a.reserve(7, WRITE_EXCLUSIVE);
    Initiator b = new Initiator(gateway(1), "iqn.b");
    for (int i = 0; i < 20_000; i++) {
      byte[] ids =
          joined(
              TransportId.encode("iqn.c,i,0x000000000001"), TransportId.encode("iqn.d,i,0xabcdef"));
      for (int changes = random.nextInt(4); changes >= 0; changes--) {
        ids[random.nextInt(ids.length)] = (byte) random.nextInt();
      }
      assertNotEquals(-1, b.registerWith(0, 0, 1, ids));
      assertNotEquals(-1, b.move(7, 9, 1, 1, ids));
      assertNotEquals(-1, a.move(7, 0, 1, 1, ids));
    }
  }

  @Test
  void tooManyRegistrationsAreRefused() {
    LogicalUnit unit = gateway(1);
    for (int i = 0; i < ReservationRecord.REGISTRATIONS_MAX; i++) {
      assertEquals(Scsi.GOOD, new Initiator(unit, "iqn." + i).register(1 + i));
    }
    Initiator late = new Initiator(unit, "iqn.late");
    assertEquals(Scsi.CHECK_CONDITION, late.register(5));
    assertEquals(Sense.INSUFFICIENT_REGISTRATIONS, late.sense);
  }
}
