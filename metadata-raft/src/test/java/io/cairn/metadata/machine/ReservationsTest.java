package io.cairn.metadata.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Reply.ErrorCode;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.ReservationRecord;
import io.cairn.metadata.model.VolumeRecord;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Registrations and reservations change one after the other, and go with their volume. */
class ReservationsTest {
  private static final ReservationRecord.Port PORT = new ReservationRecord.Port("iqn.a,i,0x1", 1);

  private final MetadataMachine machine = new MetadataMachine(new TreeKeyValues());
  private long number;
  private VolumeRecord volume;

  @BeforeEach
  void createVolume() {
    apply(new Command.InitCluster(5));
    Reply created = apply(new Command.CreateVolume("v", 1L << 30, 0, 0, 0, Durability.FLUSH));
    volume = ((Reply.Volume) created).volume();
  }

  private Reply apply(Command command) {
    return machine.apply(9, ++number, command, List.of());
  }

  private ReservationRecord record(long version, int registrations) {
    return new ReservationRecord(
        volume.volumeId(),
        version,
        1,
        5,
        PORT,
        true,
        Collections.nCopies(registrations, new ReservationRecord.Registration(PORT, 7)));
  }

  private static ErrorCode code(Reply reply) {
    return ((Reply.Refused) reply).code();
  }

  private ReservationRecord known() {
    return ((Reply.Target) MetadataQueries.target(machine.state(), "v")).reservations();
  }

  @Test
  void changeFollowsUponTheOneThatItsAuthorSaw() {
    assertEquals(ReservationRecord.none(volume.volumeId()), known());
    assertEquals(new Reply.Ok(), apply(new Command.StoreReservations(-1, record(1, 1))));
    assertEquals(
        ErrorCode.STALE_VERSION, code(apply(new Command.StoreReservations(-1, record(1, 2)))));
    assertEquals(
        ErrorCode.STALE_VERSION, code(apply(new Command.StoreReservations(-1, record(3, 2)))));
    assertEquals(record(1, 1), known());
    assertEquals(new Reply.Ok(), apply(new Command.StoreReservations(-1, record(2, 2))));
    assertEquals(record(2, 2), known());
  }

  @Test
  void whoWasFencedKeepsNobodyOut() {
    apply(new Command.AcquireVolume("v", "g", 1, "h:1", -1));
    apply(new Command.AcquireVolume("v", "h", 2, "h:2", -1));
    assertEquals(
        ErrorCode.STALE_GENERATION, code(apply(new Command.StoreReservations(1, record(1, 1)))));
    assertEquals(new Reply.Ok(), apply(new Command.StoreReservations(2, record(1, 1))));
  }

  @Test
  void whatIsTooMuchIsRefused() {
    assertEquals(
        ErrorCode.INVALID,
        code(
            apply(
                new Command.StoreReservations(
                    -1, record(1, ReservationRecord.REGISTRATIONS_MAX + 1)))));
    assertEquals(
        ErrorCode.INVALID,
        code(
            apply(
                new Command.StoreReservations(
                    -1,
                    new ReservationRecord(
                        volume.volumeId(),
                        1,
                        0,
                        0,
                        null,
                        false,
                        List.of(
                            new ReservationRecord.Registration(
                                new ReservationRecord.Port("n".repeat(241), 1), 7)))))));
  }

  private ReservationRecord sanitized(long version, int patternLength) {
    return new ReservationRecord(
        volume.volumeId(),
        version,
        0,
        0,
        null,
        false,
        List.of(),
        new ReservationRecord.Sanitizing(2, "a".repeat(patternLength), true, false, false));
  }

  /** What a gateway needs to go on with it comes back as it was. */
  @Test
  void sanitizeIsKept() {
    apply(new Command.StoreReservations(-1, sanitized(1, ReservationRecord.PATTERN_LENGTH_MAX)));
    assertEquals(sanitized(1, ReservationRecord.PATTERN_LENGTH_MAX), known());
    assertEquals(
        ErrorCode.INVALID,
        code(
            apply(
                new Command.StoreReservations(
                    -1, sanitized(2, ReservationRecord.PATTERN_LENGTH_MAX + 1)))));
  }

  @Test
  void theyGoWithTheVolume() {
    apply(new Command.StoreReservations(-1, record(1, 1)));
    apply(new Command.DeleteVolume("v", false));
    assertEquals(
        ReservationRecord.none(volume.volumeId()), machine.state().reservations(volume.volumeId()));
    assertEquals(ErrorCode.NOT_FOUND, code(apply(new Command.StoreReservations(-1, record(2, 1)))));
  }
}
