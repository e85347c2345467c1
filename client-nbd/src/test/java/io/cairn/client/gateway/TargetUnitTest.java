package io.cairn.client.gateway;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.client.iscsi.Targets;
import io.cairn.client.nbd.Exports;
import io.cairn.client.nbd.server.MemoryVolume;
import io.cairn.client.scsi.Identity;
import io.cairn.client.scsi.LogicalUnit;
import io.cairn.client.scsi.Nexus;
import io.cairn.client.scsi.Scsi;
import io.cairn.client.scsi.TargetPorts;
import io.cairn.client.volume.MetadataCalls;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Submission;
import io.cairn.metadata.machine.MetadataMachine;
import io.cairn.metadata.machine.MetadataQueries;
import io.cairn.metadata.machine.TreeKeyValues;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.storage.env.Payloads;
import io.cairn.storage.transport.NettyPayload;
import io.netty.buffer.PooledByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** One volume through two gateways: who is active, and when that changes. */
class TargetUnitTest {
  private static final String TUR = "000000000000";
  private static final String READ = "28000000000000000100";
  private static final String PORT_GROUPS = "a30a00000000000001000000";
  private static final int STANDBY = 0x02_040b;
  private static final int STATE_CHANGED = 0x06_2a06;

  private final Payloads payloads = NettyPayload.allocator(PooledByteBufAllocator.DEFAULT);
  private final MemoryVolume memory =
      new MemoryVolume(8 << 20, payloads) {
        @Override
        public void zero(long offset, long length, boolean mayPunch, boolean fua, Callback done) {
          super.zero(offset, length, mayPunch, fua, failure -> erased.add(() -> done.done(null)));
        }
      };

  /** Ends of erasures that have not been heard yet. */
  private final Deque<Runnable> erased = new ArrayDeque<>();

  private final MetadataMachine machine = new MetadataMachine(new TreeKeyValues());
  private final Set<Long> gone = new TreeSet<>();
  private final List<Gateway> gateways = new ArrayList<>();
  private long number;
  private boolean metadataAway;
  private boolean reservationsAway;

  {
    apply(new Command.InitCluster(5));
    apply(new Command.CreateVolume("v", 8 << 20, 0, 0, 0, Durability.FLUSH));
  }

  private final Gateway first = new Gateway("g1");
  private final Gateway second = new Gateway("g2");

  private Reply apply(Command command) {
    return machine.apply(9, ++number, command, List.of());
  }

  private VolumeRecord volume() {
    return machine.state().volume("v");
  }

  /** A gateway's exports are the memory; they take the volume as a real session would. */
  private final class Gateway implements MetadataCalls, Exports {
    final long instance;
    final TargetUnit unit;
    Exports.Opening opened;
    long generation = -1;

    Gateway(String name) {
      gateways.add(this);
      int port =
          ((Reply.PortalRegistered) apply(new Command.RegisterPortal(name, name + ":3260")))
              .number();
      instance = port;
      unit =
          new TargetUnit(
              new TargetUnit.Host(this, this, payloads, 512, name, instance),
              new Identity(5, volume().volumeId(), "iqn.x:v", port),
              volume());
    }

    @Override
    public void submit(Submission submission, Answer answer) {
      answer.on(metadataAway ? null : apply(submission.command()), 0);
    }

    @Override
    public void query(Query query, Answer answer) {
      if (metadataAway || reservationsAway && query instanceof Query.GetTarget) {
        answer.on(null, 0);
      } else if (query instanceof Query.GetPortals) {
        VolumeRecord.Owner owner = volume().owner();
        answer.on(
            new Reply.Portals(
                volume(),
                owner != null && gone.contains(owner.instance()),
                machine.state().portals().stream()
                    .map(one -> new Reply.PortalStatus(one, !gone.contains((long) one.number())))
                    .toList()),
            0);
      } else {
        answer.on(MetadataQueries.target(machine.state(), "v"), 0);
      }
    }

    @Override
    public void open(String name, long from, Opening answer) {
      Reply reply =
          apply(
              new Command.AcquireVolume(
                  name, unit == null ? "" : gatewayName(), instance, "", from));
      if (!(reply instanceof Reply.VolumeAcquired acquired)) {
        answer.refused(((Reply.Refused) reply).message());
        return;
      }
      generation = acquired.volume().generation();
      opened = answer;
      answer.opened(name, memory);
    }

    private String gatewayName() {
      return "g" + instance;
    }

    /** What a real session hears from the storage nodes once another one has the volume. */
    void hearsOfFence() {
      if (opened != null && generation != volume().generation()) {
        Opening former = opened;
        opened = null;
        former.over();
      }
    }

    @Override
    public void close(Opening opening) {
      opened = null;
      apply(new Command.ReleaseVolume(volume().volumeId(), generation));
    }

    @Override
    public void list(Listing answer) {
      throw new AssertionError();
    }

    @Override
    public void describe(String name, Description answer) {
      throw new AssertionError();
    }

    @Override
    public void open(String name, Opening answer) {
      throw new AssertionError();
    }
  }

  /** A session of an initiator. */
  private final class Initiator implements Targets.Opening {
    final Gateway gateway;
    LogicalUnit unit;
    Nexus nexus;
    String refusal;
    boolean over;
    byte[] data;

    Initiator(Gateway gateway) {
      this.gateway = gateway;
      gateway.unit.join(this);
      if (unit != null) {
        nexus = unit.attach("iqn.a", gateways.indexOf(gateway), ended -> ended.run());
        run(TUR);
      }
    }

    @Override
    public void opened(LogicalUnit logical) {
      unit = logical;
    }

    @Override
    public void refused(int loginStatus, String reason) {
      refusal = reason;
    }

    @Override
    public void over() {
      over = true;
      unit.detach(nexus);
    }

    void leave() {
      unit.detach(nexus);
      gateway.unit.leave(this);
    }

    /** Status, or key and code of the sense data. */
    int run(String cdb, byte... out) {
      UnsafeBuffer bytes = new UnsafeBuffer(new byte[Scsi.CDB_BYTES]);
      bytes.putBytes(0, HexFormat.of().parseHex(cdb));
      Payloads.Writable payload = null;
      if (out.length > 0) {
        payload = payloads.allocate(out.length);
        payload.mutable().putBytes(payload.offset(), out);
      }
      int[] result = {-1};
      unit.execute(
          nexus,
          0,
          bytes,
          out.length,
          payload,
          (status, sense, in) -> {
            result[0] = sense == null ? status : sense.key() << 16 | sense.code();
            data = new byte[in == null ? 0 : in.length()];
            if (in != null) {
              in.buffer().getBytes(in.offset(), data);
            }
          });
      if (payload != null) {
        payload.release();
      }
      return result[0];
    }

    /** PERSISTENT RESERVE OUT. */
    int reserve(int action, long key, long actionKey) {
      byte[] list = new byte[24];
      ByteBuffer.wrap(list).putLong(key).putLong(actionKey);
      return run(String.format("5f%02x0500000000001800", action), list);
    }

    /** State of each port, by number. */
    List<Integer> portStates() {
      assertEquals(Scsi.GOOD, run(PORT_GROUPS));
      List<Integer> states = new ArrayList<>();
      for (int at = 4; at < data.length; at += 12) {
        states.add((int) data[at]);
      }
      return states;
    }
  }

  @Test
  void secondGatewayStandsByWhileTheFirstLives() {
    Initiator active = new Initiator(first);
    Initiator standby = new Initiator(second);
    assertEquals(1, volume().generation());
    assertEquals(Scsi.GOOD, active.run(READ));
    assertEquals(STANDBY, standby.run(TUR));
    assertEquals(STANDBY, standby.run(READ));
    assertEquals(STANDBY, standby.run("2a000000000000000100", new byte[512]));
    second.unit.beat();
    assertEquals(1, volume().generation(), "nobody was thrown out");
    assertEquals(Scsi.GOOD, standby.run("25000000000000000000"));
    assertEquals((8 << 20) / 512 - 1, ByteBuffer.wrap(standby.data).getInt());
    assertEquals(List.of(0, 2), standby.portStates());
    assertEquals(List.of(0, 2), active.portStates());
    // Implicit asymmetric access; the same unit, seen through two ports.
    assertEquals(Scsi.GOOD, standby.run("120000006000"));
    assertEquals(0x10, standby.data[5] & 0x30);
    standby.run("12018300ff00");
    byte[] there = standby.data;
    active.run("12018300ff00");
    assertEquals(there.length, active.data.length);
    assertFalse(Arrays.equals(there, active.data), "the ports differ");
    assertArrayEquals(Arrays.copyOf(there, 60), Arrays.copyOf(active.data, 60), "the ids do not");
  }

  @Test
  void standbyTakesOverWhenTheOwnerIsGone() {
    new Initiator(first);
    Initiator standby = new Initiator(second);
    gone.add(first.instance);
    second.unit.beat();
    assertEquals(2, volume().generation());
    assertEquals(STATE_CHANGED, standby.run(READ));
    assertEquals(Scsi.GOOD, standby.run(READ));
    assertEquals(List.of(3, 0), standby.portStates());
  }

  /** Nobody is served before it is known whom a reservation keeps out. */
  @Test
  void reservationsThatCannotBeReadAreAskedForAtTheNextHeartbeat() {
    reservationsAway = true;
    Initiator waiting = new Initiator(first);
    assertEquals(1, volume().generation());
    first.unit.beat();
    assertEquals(TargetPorts.State.TRANSITIONING, first.unit.state());
    assertNull(waiting.unit);
    reservationsAway = false;
    first.unit.beat();
    assertEquals(TargetPorts.State.ACTIVE, first.unit.state());
    assertNotNull(waiting.unit);
    assertEquals(1, volume().generation());
  }

  /** A command asks at once: it need not wait for the next heartbeat. */
  @Test
  void commandTakesTheUnitThatNobodyOwnsAnyMore() {
    Initiator active = new Initiator(first);
    Initiator standby = new Initiator(second);
    active.leave();
    assertEquals(Scsi.GOOD, standby.run(READ));
    assertEquals(TargetPorts.State.ACTIVE, second.unit.state());
    first.hearsOfFence();
    Initiator back = new Initiator(first);
    assertEquals(STANDBY, back.run(READ));
    assertEquals(2, volume().generation());
  }

  @Test
  void whoIsThrownOutStandsByAndDoesNotComeBack() {
    Initiator active = new Initiator(first);
    new Initiator(second);
    gone.add(first.instance);
    second.unit.beat();
    // It was only slow.
    gone.clear();
    first.hearsOfFence();
    assertTrue(active.over);
    Initiator again = new Initiator(first);
    assertEquals(STANDBY, again.run(READ));
    first.unit.beat();
    assertEquals(2, volume().generation());
  }

  /** Nobody may be served any more by whom the reservation keeps out. */
  @Test
  void reservationThroughStandbyTakesTheUnitOver() {
    Initiator active = new Initiator(first);
    Initiator standby = new Initiator(second);
    assertEquals(Scsi.GOOD, standby.reserve(0, 0, 7));
    assertEquals(1, volume().generation(), "a registration keeps nobody out");
    assertEquals(Scsi.GOOD, standby.reserve(1, 7, 0));
    assertEquals(2, volume().generation());
    first.hearsOfFence();
    assertTrue(active.over);
    assertEquals(STATE_CHANGED, standby.run(READ));
    assertEquals(Scsi.GOOD, standby.run("2a000000000000000100", new byte[512]));
  }

  /** It needs the volume until it has ended, whoever is still there. */
  @Test
  void sanitizeKeepsTheUnitAndGoesOnWhereTheVolumeGoes() {
    Initiator active = new Initiator(first);
    assertEquals(Scsi.GOOD, active.run("48820000000000000000"));
    active.leave();
    assertNotNull(volume().owner(), "it goes on without a session");
    Initiator standby = new Initiator(second);
    assertEquals(STANDBY, standby.run(TUR));
    gone.add(first.instance);
    erased.clear();
    second.unit.beat();
    assertEquals(STATE_CHANGED, standby.run(TUR));
    assertEquals(0x02_041b, standby.run(TUR));
    first.hearsOfFence();
    assertFalse(first.unit.isUsed());
    standby.leave();
    while (!erased.isEmpty()) {
      assertNotNull(volume().owner());
      erased.remove().run();
    }
    assertNull(volume().owner(), "given up once it has ended");
  }

  /** Nobody has to come for it: its initiator and its gateway may be gone for good. */
  @Test
  void sanitizeOfDeadGatewayIsEndedByAnother() {
    Initiator active = new Initiator(first);
    assertEquals(Scsi.GOOD, active.run("48820000000000000000"));
    active.leave();
    second.unit.resumeSanitizing();
    assertFalse(second.unit.isUsed(), "its owner lives");
    gone.add(first.instance);
    erased.clear();
    second.unit.resumeSanitizing();
    assertEquals(2, volume().generation());
    while (!erased.isEmpty()) {
      assertTrue(second.unit.isUsed());
      erased.remove().run();
    }
    assertNull(volume().owner(), "given up once it has ended");
    assertFalse(machine.state().reservations(volume().volumeId()).hasSanitizeUnderWay());
    second.unit.resumeSanitizing();
    assertNull(volume().owner(), "nothing is left to do");
  }

  @Test
  void withoutTheMetadataLoginsAreRefusedAndWhatIsActiveServes() {
    Initiator active = new Initiator(first);
    metadataAway = true;
    assertEquals("iqn.x:v: the metadata does not answer", new Initiator(second).refusal);
    assertEquals(Scsi.GOOD, active.run(READ));
    assertEquals(List.of(0, 2), active.portStates(), "as it was");
    metadataAway = false;
    assertNotNull(new Initiator(second).unit);
  }
}
