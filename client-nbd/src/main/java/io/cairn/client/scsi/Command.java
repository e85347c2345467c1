package io.cairn.client.scsi;

import java.util.HexFormat;
import org.agrona.DirectBuffer;

/**
 * The commands that a logical unit has, with their CDB usage data (SPC-4 6.35.3): in each byte the
 * bits that mean something. The first byte is the operation code, and where there is a service
 * action it stands in the second.
 */
enum Command {
  TEST_UNIT_READY(0x00, -1, Access.SHARED, "000000000007"),
  REQUEST_SENSE(0x03, -1, Access.FREE, "03010000ff07"),
  READ_6(0x08, -1, Access.READS, "081fffffff07"),
  WRITE_6(0x0a, -1, Access.WRITES, "0a1fffffff07"),
  INQUIRY(0x12, -1, Access.FREE, "1201ffffff07"),
  MODE_SELECT_6(0x15, -1, Access.WRITES, "15110000ff07"),
  RESERVE_6(0x16, -1, Access.RESERVES, "160000000007"),
  RELEASE_6(0x17, -1, Access.RESERVES, "170000000007"),
  MODE_SENSE_6(0x1a, -1, Access.READS, "1a08ffffff07"),
  START_STOP_UNIT(0x1b, -1, Access.SHARED, "1b01000ff707"),
  PREVENT_ALLOW(0x1e, -1, Access.SHARED, "1e0000000307"),
  READ_CAPACITY_10(0x25, -1, Access.SHARED, "25000000000000000007"),
  READ_10(0x28, -1, Access.READS, "28faffffffff00ffff07"),
  WRITE_10(0x2a, -1, Access.WRITES, "2afaffffffff00ffff07"),
  WRITE_AND_VERIFY_10(0x2e, -1, Access.WRITES, "2ef2ffffffff00ffff07"),
  VERIFY_10(0x2f, -1, Access.READS, "2ff2ffffffff00ffff07"),
  PRE_FETCH_10(0x34, -1, Access.READS, "3402ffffffff00ffff07"),
  SYNCHRONIZE_CACHE_10(0x35, -1, Access.WRITES, "3502ffffffff00ffff07"),
  WRITE_SAME_10(0x41, -1, Access.WRITES, "41f8ffffffff00ffff07"),
  READ_DEFECT_DATA_10(0x37, -1, Access.READS, "37001f00000000ffff07"),
  UNMAP(0x42, -1, Access.WRITES, "4200000000003fffff07"),
  SANITIZE_OVERWRITE(0x48, 0x01, Access.WRITES, "48a10000000000ffff07"),
  SANITIZE_BLOCK_ERASE(0x48, 0x02, Access.WRITES, "48a20000000000000007"),
  SANITIZE_EXIT_FAILURE_MODE(0x48, 0x1f, Access.WRITES, "481f0000000000000007"),
  MODE_SELECT_10(0x55, -1, Access.WRITES, "55110000000000ffff07"),
  MODE_SENSE_10(0x5a, -1, Access.READS, "5a18ffff000000ffff07"),
  PR_IN_READ_KEYS(0x5e, 0x00, Access.SHARED, "5e000000000000ffff07"),
  PR_IN_READ_RESERVATION(0x5e, 0x01, Access.SHARED, "5e010000000000ffff07"),
  PR_IN_REPORT_CAPABILITIES(0x5e, 0x02, Access.SHARED, "5e020000000000ffff07"),
  PR_IN_READ_FULL_STATUS(0x5e, 0x03, Access.SHARED, "5e030000000000ffff07"),
  PR_OUT_REGISTER(0x5f, 0x00, Access.SHARED, "5f00000000ffffffff07"),
  PR_OUT_RESERVE(0x5f, 0x01, Access.SHARED, "5f01ff0000ffffffff07"),
  PR_OUT_RELEASE(0x5f, 0x02, Access.SHARED, "5f02ff0000ffffffff07"),
  PR_OUT_CLEAR(0x5f, 0x03, Access.SHARED, "5f03000000ffffffff07"),
  PR_OUT_PREEMPT(0x5f, 0x04, Access.SHARED, "5f04ff0000ffffffff07"),
  PR_OUT_PREEMPT_AND_ABORT(0x5f, 0x05, Access.SHARED, "5f05ff0000ffffffff07"),
  PR_OUT_REGISTER_AND_IGNORE(0x5f, 0x06, Access.SHARED, "5f06000000ffffffff07"),
  PR_OUT_REGISTER_AND_MOVE(0x5f, 0x07, Access.SHARED, "5f07000000ffffffff07"),
  EXTENDED_COPY(0x83, 0x00, Access.WRITES, "83000000000000000000ffffffff0007"),
  RECEIVE_COPY_STATUS(0x84, 0x00, Access.READS, "8400ff00000000000000ffffffff0007"),
  RECEIVE_COPY_OPERATING_PARAMETERS(0x84, 0x03, Access.READS, "84030000000000000000ffffffff0007"),
  READ_16(0x88, -1, Access.READS, "88faffffffffffffffffffffffff0007"),
  COMPARE_AND_WRITE(0x89, -1, Access.WRITES, "89faffffffffffffffff000000ff0007"),
  WRITE_16(0x8a, -1, Access.WRITES, "8afaffffffffffffffffffffffff0007"),
  ORWRITE(0x8b, -1, Access.WRITES, "8bfaffffffffffffffffffffffff0007"),
  WRITE_AND_VERIFY_16(0x8e, -1, Access.WRITES, "8ef2ffffffffffffffffffffffff0007"),
  VERIFY_16(0x8f, -1, Access.READS, "8ff2ffffffffffffffffffffffff0007"),
  PRE_FETCH_16(0x90, -1, Access.READS, "9002ffffffffffffffffffffffff0007"),
  SYNCHRONIZE_CACHE_16(0x91, -1, Access.WRITES, "9102ffffffffffffffffffffffff0007"),
  WRITE_SAME_16(0x93, -1, Access.WRITES, "93f9ffffffffffffffffffffffff0007"),
  READ_CAPACITY_16(0x9e, 0x10, Access.SHARED, "9e100000000000000000ffffffff0007"),
  GET_LBA_STATUS(0x9e, 0x12, Access.READS, "9e12ffffffffffffffffffffffff0007"),
  REPORT_LUNS(0xa0, -1, Access.FREE, "a000ff000000ffffffff0007"),
  REPORT_TARGET_PORT_GROUPS(0xa3, 0x0a, Access.SHARED, "a3ea00000000ffffffff0007"),
  REPORT_SUPPORTED_OPERATION_CODES(0xa3, 0x0c, Access.READS, "a30c87ffffffffffffff0007"),
  REPORT_SUPPORTED_TASK_MANAGEMENT(0xa3, 0x0d, Access.READS, "a30d80000000ffffffff0007"),
  READ_12(0xa8, -1, Access.READS, "a8faffffffffffffffff0007"),
  WRITE_12(0xaa, -1, Access.WRITES, "aafaffffffffffffffff0007"),
  WRITE_AND_VERIFY_12(0xae, -1, Access.WRITES, "aef2ffffffffffffffff0007"),
  VERIFY_12(0xaf, -1, Access.READS, "aff2ffffffffffffffff0007"),
  READ_DEFECT_DATA_12(0xb7, -1, Access.READS, "b71f00000000ffffffff0007");

  /** What a command does, as reservations see it: SPC-4 table 66, SBC-3 table 13. */
  enum Access {
    /** Allowed always, whoever reserved. */
    FREE,
    /** Allowed beside persistent reservations, not beside RESERVE(6). */
    SHARED,
    /** Needs the right to read. */
    READS,
    /** Needs the right to write. */
    WRITES,
    /** RESERVE(6) and RELEASE(6). */
    RESERVES
  }

  private static final Command[] PLAIN = new Command[256];
  private static final Command[] ALL = values();

  static {
    for (Command command : ALL) {
      if (command.serviceAction < 0) {
        PLAIN[command.operationCode] = command;
      }
    }
  }

  final int operationCode;
  final int serviceAction;
  final Access access;
  private final byte[] usage;

  Command(int operationCode, int serviceAction, Access access, String usage) {
    this.operationCode = operationCode;
    this.serviceAction = serviceAction;
    this.access = access;
    this.usage = HexFormat.of().parseHex(usage);
  }

  /** The command of a CDB, or null. */
  static Command of(DirectBuffer cdb) {
    int operationCode = cdb.getByte(0) & 0xff;
    Command plain = PLAIN[operationCode];
    return plain != null ? plain : of(operationCode, cdb.getByte(1) & 0x1f);
  }

  /** The command with this service action, or null. */
  static Command of(int operationCode, int serviceAction) {
    for (Command command : ALL) {
      if (command.operationCode == operationCode && command.serviceAction == serviceAction) {
        return command;
      }
    }
    return null;
  }

  /** Whether commands with this operation code have service actions. */
  static boolean hasServiceActions(int operationCode) {
    for (Command command : ALL) {
      if (command.operationCode == operationCode && command.serviceAction >= 0) {
        return true;
      }
    }
    return false;
  }

  /**
   * Whether it runs through the active port only; the others SPC-4 5.16.2.4.4 allows in standby.
   */
  boolean needsMedium() {
    return switch (this) {
      case MODE_SENSE_6,
          MODE_SENSE_10,
          REPORT_SUPPORTED_OPERATION_CODES,
          REPORT_SUPPORTED_TASK_MANAGEMENT ->
          false;
      case TEST_UNIT_READY, START_STOP_UNIT, PREVENT_ALLOW -> true;
      default -> access != Access.FREE && access != Access.SHARED;
    };
  }

  /** A copy of the usage data; its length is the CDB's. */
  byte[] usage() {
    return usage.clone();
  }

  int cdbBytes() {
    return usage.length;
  }
}
