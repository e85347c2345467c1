package io.cairn.client.scsi;

import static java.nio.ByteOrder.BIG_ENDIAN;

import java.nio.ByteBuffer;
import org.agrona.DirectBuffer;

/** REPORT SUPPORTED OPERATION CODES and TASK MANAGEMENT FUNCTIONS, SPC-4 6.35 and 6.36. */
final class SupportedOperations {
  private static final int TIMEOUTS_BYTES = 12;

  private final ParameterData parameters;

  SupportedOperations(ParameterData parameters) {
    this.parameters = parameters;
  }

  void operationCodes(DirectBuffer cdb, Completion done) {
    boolean timeouts = (Cdb.unsignedByte(cdb, 2) & 0x80) != 0;
    long allocation = Cdb.unsignedInt(cdb, 6);
    int operationCode = Cdb.unsignedByte(cdb, 3);
    int serviceAction = Cdb.unsignedShort(cdb, 4);
    boolean hasActions = Command.hasServiceActions(operationCode);
    Command named = Command.of(operationCode, hasActions ? serviceAction : -1);
    switch (Cdb.unsignedByte(cdb, 2) & 0x07) {
      case 0 -> parameters.send(all(timeouts), allocation, done);
      case 1 -> {
        if (hasActions) {
          done.check(Sense.invalidField(2));
        } else {
          parameters.send(one(named, timeouts), allocation, done);
        }
      }
      case 2 -> {
        if (!hasActions && named != null) {
          done.check(Sense.invalidField(2));
        } else {
          parameters.send(one(named, timeouts), allocation, done);
        }
      }
      case 3 ->
          parameters.send(
              one(!hasActions && serviceAction != 0 ? null : named, timeouts), allocation, done);
      default -> done.check(Sense.invalidField(2));
    }
  }

  private static byte[] all(boolean timeouts) {
    Command[] commands = Command.values();
    int descriptor = 8 + (timeouts ? TIMEOUTS_BYTES : 0);
    ByteBuffer data = ByteBuffer.allocate(4 + commands.length * descriptor).order(BIG_ENDIAN);
    data.putInt(commands.length * descriptor);
    for (Command command : commands) {
      boolean hasAction = command.serviceAction >= 0;
      data.put((byte) command.operationCode).put((byte) 0);
      data.putShort((short) (hasAction ? command.serviceAction : 0)).put((byte) 0);
      data.put((byte) ((timeouts ? 2 : 0) | (hasAction ? 1 : 0)));
      data.putShort((short) command.cdbBytes());
      if (timeouts) {
        putTimeouts(data);
      }
    }
    return data.array();
  }

  private static byte[] one(Command command, boolean timeouts) {
    if (command == null) {
      return new byte[] {0, 1, 0, 0};
    }
    byte[] usage = command.usage();
    int length = 4 + usage.length + (timeouts ? TIMEOUTS_BYTES : 0);
    ByteBuffer data = ByteBuffer.allocate(length).order(BIG_ENDIAN);
    data.put((byte) 0).put((byte) (timeouts ? 0x83 : 0x03)).putShort((short) usage.length);
    data.put(usage);
    if (timeouts) {
      putTimeouts(data);
    }
    return data.array();
  }

  /** Nothing is said about how long commands take. */
  private static void putTimeouts(ByteBuffer data) {
    data.putShort((short) (TIMEOUTS_BYTES - 2)).putShort((short) 0).putInt(0).putInt(0);
  }

  /** ATS, ATSS, CTSS, LURS and TRS; with REPD the longer form. */
  void taskManagement(DirectBuffer cdb, Completion done) {
    long allocation = Cdb.unsignedInt(cdb, 6);
    boolean extended = (Cdb.unsignedByte(cdb, 2) & 0x80) != 0;
    if (allocation < 4) {
      done.check(Sense.invalidField(6));
      return;
    }
    byte[] data = new byte[extended ? 16 : 4];
    // ATS 80h, ATSS 40h, CTSS 10h, LURS 08h, TRS 02h.
    data[0] = (byte) 0xda;
    data[3] = (byte) (extended ? 0x0c : 0);
    parameters.send(data, allocation, done);
  }
}
