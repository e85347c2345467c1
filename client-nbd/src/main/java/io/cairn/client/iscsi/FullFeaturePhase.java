package io.cairn.client.iscsi;

import io.cairn.client.scsi.LogicalUnit;
import io.cairn.client.scsi.Nexus;
import io.cairn.client.scsi.Scsi;
import io.cairn.client.scsi.Sense;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.agrona.collections.Int2ObjectHashMap;

/**
 * The full feature phase of a session: orders commands by their numbers, gathers what they write,
 * hands them to the logical unit, and answers (RFC 7143 sections 4.2 and 11).
 */
final class FullFeaturePhase implements Nexus.TaskSet {
  /** Commands that an initiator may have under way: the command window, section 4.2.2.1. */
  static final int WINDOW_COMMANDS = 64;

  /** Immediate commands under way beside them. */
  static final int IMMEDIATE_MAX = 16;

  /**
   * Who talks.
   *
   * @param isid 48 bits.
   * @param targetName null in a discovery session.
   */
  record Session(
      Initiator initiator, long isid, int tsih, String targetName, String portalAddress) {}

  private final Session session;
  private final Parameters parameters;
  private final ImmediatePlace early;
  private final LogicalUnit unit;
  private final TargetConnection.Portal portal;
  private final Output output;
  private final Consumer<String> close;
  private final Nexus nexus;
  private final Int2ObjectHashMap<Task> tasks = new Int2ObjectHashMap<>();
  private final List<Task> aborted = new ArrayList<>();
  private final Bhs reply = new Bhs();
  final TrafficCounter traffic = new TrafficCounter();
  private final ByteArrayOutputStream text = new ByteArrayOutputStream();
  private byte[] textLeft;
  private int textTag = Iscsi.RESERVED_TAG;
  private int expCmdSn;
  private int statSn;
  private int queued;
  private int lastTag;
  private boolean closed;

  FullFeaturePhase(
      Session session,
      Parameters parameters,
      LogicalUnit unit,
      TargetConnection.Portal portal,
      Output output,
      Consumer<String> close,
      int expCmdSn,
      int statSn) {
    this.session = session;
    this.parameters = parameters;
    this.unit = unit;
    this.portal = portal;
    this.output = output;
    this.close = close;
    this.expCmdSn = expCmdSn;
    this.statSn = statSn;
    this.early = new ImmediatePlace(portal.memory(), portal.payloads());
    nexus = unit == null ? null : unit.attach(session.initiator().name(), session.isid(), this);
  }

  int tasks() {
    return tasks.size() + aborted.size();
  }

  /** One PDU. */
  void onPdu(Bhs pdu, Payload data) {
    try {
      execute(pdu, data);
    } finally {
      early.release();
    }
  }

  private void execute(Bhs pdu, Payload data) {
    int opcode = pdu.opcode();
    boolean numbered =
        switch (opcode) {
          case Iscsi.NOP_OUT,
              Iscsi.SCSI_COMMAND,
              Iscsi.TASK_MANAGEMENT,
              Iscsi.TEXT_REQUEST,
              Iscsi.LOGOUT_REQUEST ->
              true;
          default -> false;
        };
    if (numbered && !isNext(pdu)) {
      return;
    }
    if (unit == null && (opcode == Iscsi.SCSI_COMMAND || opcode == Iscsi.TASK_MANAGEMENT)) {
      reject(pdu, Iscsi.REJECT_PROTOCOL_ERROR);
      return;
    }
    switch (opcode) {
      case Iscsi.NOP_OUT -> onNopOut(pdu, data);
      case Iscsi.SCSI_COMMAND -> onCommand(pdu, data);
      case Iscsi.TASK_MANAGEMENT -> onTaskManagement(pdu);
      case Iscsi.TEXT_REQUEST -> onText(pdu, TargetConnection.bytes(data));
      case Iscsi.DATA_OUT -> onDataOut(pdu, data);
      case Iscsi.LOGOUT_REQUEST -> onLogout(pdu);
      case Iscsi.LOGIN_REQUEST -> throw new ProtocolException("a login in the full feature phase");
      case Iscsi.SNACK_REQUEST -> reject(pdu, Iscsi.REJECT_NOT_SUPPORTED);
      default -> reject(pdu, Iscsi.REJECT_NOT_SUPPORTED);
    }
  }

  /**
   * Section 4.2.2.1: a number outside of the window is ignored. Within it, one connection delivers
   * them in order: a gap is a broken initiator, and no later PDU would ever fill it.
   */
  private boolean isNext(Bhs pdu) {
    int cmdSn = pdu.get(Bhs.CMD_SN);
    if (pdu.isImmediate()) {
      return true;
    }
    if (cmdSn - expCmdSn < 0 || cmdSn - maxCmdSn() > 0) {
      return false;
    }
    if (cmdSn != expCmdSn) {
      throw new ProtocolException("CmdSN " + cmdSn + " where " + expCmdSn + " was due");
    }
    expCmdSn++;
    return true;
  }

  private int maxCmdSn() {
    return expCmdSn + WINDOW_COMMANDS - 1 - queued;
  }

  private Bhs begin(int opcode, int flags, int initiatorTaskTag) {
    return reply.begin(opcode, flags).initiatorTaskTag(initiatorTaskTag);
  }

  private Bhs numbered() {
    return reply
        .put(Bhs.STAT_SN, statSn++)
        .put(Bhs.EXP_CMD_SN, expCmdSn)
        .put(Bhs.MAX_CMD_SN, maxCmdSn());
  }

  static void sendBytes(Output output, Payloads payloads, Bhs header, byte[] data) {
    header.dataSegmentBytes(data.length);
    if (data.length == 0) {
      output.send(header, null);
      return;
    }
    Payloads.Writable payload = payloads.allocate(data.length);
    payload.mutable().putBytes(payload.offset(), data);
    output.send(header, payload);
    payload.release();
  }

  private void reject(Bhs pdu, int reason) {
    byte[] header = new byte[Bhs.BYTES];
    pdu.bytes().getBytes(0, header);
    begin(Iscsi.REJECT, Iscsi.FLAG_FINAL, Iscsi.RESERVED_TAG).putByte(2, reason);
    numbered();
    sendBytes(output, portal.payloads(), reply, header);
  }

  private void onNopOut(Bhs pdu, Payload data) {
    if (pdu.initiatorTaskTag() == Iscsi.RESERVED_TAG) {
      return;
    }
    int length = data == null ? 0 : Math.min(data.length(), parameters.sendBytesMax());
    begin(Iscsi.NOP_IN, Iscsi.FLAG_FINAL, pdu.initiatorTaskTag());
    reply.lun(pdu.lun()).put(Bhs.TAG_OR_LENGTH, Iscsi.RESERVED_TAG);
    numbered();
    reply.dataSegmentBytes(length);
    if (length == 0) {
      output.send(reply, null);
    } else {
      Payload echo = data.slice(0, length);
      output.send(reply, echo);
      echo.release();
    }
  }

  /** NOP-In that wants an answer, section 11.19. */
  void ping() {
    begin(Iscsi.NOP_IN, Iscsi.FLAG_FINAL, Iscsi.RESERVED_TAG);
    reply
        .put(Bhs.TAG_OR_LENGTH, nextTag())
        .put(Bhs.STAT_SN, statSn)
        .put(Bhs.EXP_CMD_SN, expCmdSn)
        .put(Bhs.MAX_CMD_SN, maxCmdSn());
    output.send(reply, null);
  }

  /** Asynchronous message, section 11.9: log out within the time that Parameter3 says, 3 s. */
  void requestLogout() {
    begin(Iscsi.ASYNC_MESSAGE, Iscsi.FLAG_FINAL, Iscsi.RESERVED_TAG);
    numbered();
    reply.putByte(Bhs.ASYNC_EVENT, Iscsi.ASYNC_REQUESTS_LOGOUT).putShort(42, 3);
    output.send(reply, null);
  }

  private int nextTag() {
    lastTag = lastTag == Integer.MAX_VALUE ? 1 : lastTag + 1;
    return lastTag;
  }

  private void onText(Bhs pdu, byte[] data) {
    int tag = pdu.get(Bhs.TAG_OR_LENGTH);
    if (tag != Iscsi.RESERVED_TAG && tag == textTag && textLeft != null) {
      sendText(pdu);
      return;
    }
    if (text.size() + data.length > Login.TEXT_BYTES_MAX) {
      throw new ProtocolException("a text of more than " + Login.TEXT_BYTES_MAX + " bytes");
    }
    text.writeBytes(data);
    if (pdu.has(Iscsi.FLAG_CONTINUE)) {
      textTag = nextTag();
      begin(Iscsi.TEXT_RESPONSE, 0, pdu.initiatorTaskTag()).put(Bhs.TAG_OR_LENGTH, textTag);
      numbered();
      output.send(reply, null);
      return;
    }
    Map<String, String> keys = TextPairs.decode(text.toByteArray());
    text.reset();
    Bhs request = new Bhs().copyFrom(pdu.bytes(), 0);
    String wanted = keys.remove("SendTargets");
    if (wanted == null) {
      keys.replaceAll((key, value) -> "NotUnderstood");
      textLeft = TextPairs.encode(keys);
      sendText(request);
      return;
    }
    String only = wanted.equals("All") ? null : wanted.isEmpty() ? session.targetName() : wanted;
    portal
        .targets()
        .list(
            session.initiator(),
            (names, others) -> {
              if (closed) {
                return;
              }
              ByteArrayOutputStream answer = new ByteArrayOutputStream();
              for (String name : names) {
                if (only == null || only.equals(name)) {
                  TextPairs.append(answer, "TargetName", name);
                  TextPairs.append(
                      answer,
                      "TargetAddress",
                      session.portalAddress() + "," + portal.targets().portalGroup());
                  for (Targets.OtherPortal other : others) {
                    TextPairs.append(
                        answer, "TargetAddress", other.address() + "," + other.group());
                  }
                }
              }
              textLeft = answer.toByteArray();
              sendText(request);
            });
  }

  /** Sends the next part of a text; C stands in all but the last, section 11.11.2. */
  private void sendText(Bhs request) {
    int length = Math.min(textLeft.length, parameters.sendBytesMax());
    byte[] part = Arrays.copyOf(textLeft, length);
    boolean last = length == textLeft.length;
    textLeft = last ? null : Arrays.copyOfRange(textLeft, length, textLeft.length);
    textTag = last ? Iscsi.RESERVED_TAG : nextTag();
    begin(
            Iscsi.TEXT_RESPONSE,
            last ? Iscsi.FLAG_FINAL : Iscsi.FLAG_CONTINUE,
            request.initiatorTaskTag())
        .put(Bhs.TAG_OR_LENGTH, textTag);
    numbered();
    sendBytes(output, portal.payloads(), reply, part);
  }

  private void onLogout(Bhs pdu) {
    int reason = pdu.flags() & 0x7f;
    begin(Iscsi.LOGOUT_RESPONSE, Iscsi.FLAG_FINAL, pdu.initiatorTaskTag());
    // 2: connection recovery is not supported.
    reply.putByte(2, reason <= 1 ? 0 : 2);
    numbered();
    output.send(reply, null);
    if (reason <= 1) {
      close.accept(null);
    }
  }

  private void onCommand(Bhs pdu, Payload data) {
    int tag = pdu.initiatorTaskTag();
    if (tag == Iscsi.RESERVED_TAG || tasks.containsKey(tag)) {
      throw new ProtocolException("the task tag " + tag + " is in use or reserved");
    }
    if (pdu.isImmediate() && tasks.size() - queued >= IMMEDIATE_MAX) {
      reject(pdu, 0x06);
      return;
    }
    int received = data == null ? 0 : data.length();
    Task task = new Task(pdu);
    if (received > 0 && (!parameters.immediateData() || !task.writes)) {
      throw new ProtocolException(received + " bytes of immediate data where none were agreed");
    }
    if (received > Math.min(parameters.firstBurstBytes(), task.expectedBytes)) {
      throw new ProtocolException(
          received + " bytes of immediate data: at most " + parameters.firstBurstBytes());
    }
    boolean moreUnsolicited = task.writes && !pdu.has(Iscsi.FLAG_FINAL);
    if (moreUnsolicited && parameters.initialR2t()) {
      throw new ProtocolException("unsolicited data where InitialR2T=Yes was agreed");
    }
    tasks.put(tag, task);
    if (!task.immediate) {
      queued++;
    }
    measure(task);
    task.unsolicited = moreUnsolicited;
    task.received = received;
    if (received >= task.wantedBytes && !moreUnsolicited) {
      if (task.wantedBytes > 0) {
        task.data = data.slice(0, task.wantedBytes);
      }
      run(task);
      return;
    }
    Payloads.Writable place = early.take();
    if (place == null) {
      task.keep(data);
    } else {
      task.waits = true;
      task.begin(place, portal.memory());
      task.gather(data, 0);
    }
    solicit(task);
  }

  /** As {@link TargetConnection#placeOf}. */
  Payload placeOf(Bhs pdu) {
    if (pdu.opcode() == Iscsi.SCSI_COMMAND) {
      return placeOfImmediate(pdu);
    }
    Task task = pdu.opcode() == Iscsi.DATA_OUT ? tasks.get(pdu.initiatorTaskTag()) : null;
    if (task == null || task.running || task.transferTag != pdu.get(Bhs.TAG_OR_LENGTH)) {
      return null;
    }
    int offset = pdu.get(Bhs.BUFFER_OFFSET);
    return offset == task.received && pdu.dataSegmentBytes() <= task.solicitedEnd - offset
        ? task.place(offset, pdu.dataSegmentBytes())
        : null;
  }

  /** Where more is to be solicited; else the data is the command's as it comes. */
  private Payload placeOfImmediate(Bhs pdu) {
    if (unit == null || !pdu.has(Iscsi.FLAG_WRITE) || !pdu.has(Iscsi.FLAG_FINAL)) {
      return null;
    }
    Task task = new Task(pdu);
    measure(task);
    int immediate = pdu.dataSegmentBytes();
    return immediate < task.wantedBytes && immediate <= parameters.firstBurstBytes()
        ? early.begin(task.wantedBytes, immediate)
        : null;
  }

  /** What a command takes, and what of that its initiator has. */
  private void measure(Task task) {
    task.neededBytes = task.writes ? unit.dataOutBytes(task.cdb) : 0;
    task.wantedBytes = (int) Math.min(task.neededBytes, task.expectedBytes);
  }

  private void onDataOut(Bhs pdu, Payload data) {
    Task task = tasks.get(pdu.initiatorTaskTag());
    if (task == null || task.running) {
      // Of a task that was aborted or failed: the initiator did not know yet.
      return;
    }
    int length = data == null ? 0 : data.length();
    int offset = pdu.get(Bhs.BUFFER_OFFSET);
    int transferTag = pdu.get(Bhs.TAG_OR_LENGTH);
    boolean unsolicited = transferTag == Iscsi.RESERVED_TAG;
    if (unsolicited != task.unsolicited || !unsolicited && transferTag != task.transferTag) {
      throw new ProtocolException("Data-Out with the transfer tag " + transferTag + ", not asked");
    }
    long end =
        unsolicited
            ? Math.min(parameters.firstBurstBytes(), task.expectedBytes)
            : task.solicitedEnd;
    if (offset != task.received || pdu.get(Bhs.DATA_SN) != task.dataSn || length > end - offset) {
      // Section 7.8 with 11.4.7.2: the burst is lost, and with it the command.
      finish(task, Scsi.CHECK_CONDITION, Sense.DATA_PHASE_ERROR, null);
      return;
    }
    task.dataSn++;
    if (unsolicited) {
      task.keep(data);
    } else {
      task.gather(data, offset);
    }
    task.received += length;
    if (pdu.has(Iscsi.FLAG_FINAL)) {
      if (!unsolicited && task.received != task.solicitedEnd) {
        finish(task, Scsi.CHECK_CONDITION, Sense.DATA_PHASE_ERROR, null);
        return;
      }
      task.unsolicited = false;
      task.transferTag = Iscsi.RESERVED_TAG;
      solicit(task);
    }
  }

  /** Asks for what is missing, one burst at a time, or runs the command. */
  private void solicit(Task task) {
    if (task.unsolicited) {
      return;
    }
    if (task.gathered == null && task.wantedBytes > 0) {
      if (task.waits) {
        return;
      }
      task.waits = true;
      portal.memory().reserve(task.wantedBytes, task.granted(() -> granted(task)));
      return;
    }
    if (task.received >= task.wantedBytes) {
      run(task);
      return;
    }
    int length = Math.min(parameters.maxBurstBytes(), task.wantedBytes - task.received);
    task.transferTag = nextTag();
    task.solicitedEnd = task.received + length;
    task.dataSn = 0;
    begin(Iscsi.R2T, Iscsi.FLAG_FINAL, task.tag);
    reply
        .lun(task.lun)
        .put(Bhs.TAG_OR_LENGTH, task.transferTag)
        .put(Bhs.STAT_SN, statSn)
        .put(Bhs.EXP_CMD_SN, expCmdSn)
        .put(Bhs.MAX_CMD_SN, maxCmdSn())
        .put(Bhs.DATA_SN, task.r2tSn++)
        .put(Bhs.BUFFER_OFFSET, task.received)
        .put(Bhs.RESIDUAL, length);
    output.send(reply, null);
  }

  /** There is room for what the command takes. */
  private void granted(Task task) {
    // All of it is received before the command runs.
    task.begin(portal.payloads().allocateUnset(task.wantedBytes), portal.memory());
    solicit(task);
  }

  private void run(Task task) {
    task.running = true;
    unit.execute(
        nexus,
        task.lun,
        task.cdb,
        task.writes ? task.expectedBytes : 0,
        task.data,
        (status, sense, data) -> finish(task, status, sense, data));
  }

  private void finish(Task task, int status, Sense sense, Payload data) {
    task.releaseData(portal.memory());
    if (task.abort != null) {
      aborted.remove(task);
      task.abort.taskEnded();
      return;
    }
    if (tasks.remove(task.tag) != task || closed) {
      return;
    }
    if (!task.immediate) {
      queued--;
    }
    int produced = data == null ? 0 : data.length();
    // Section 11.4.5: what the command has to move, against what the initiator expects.
    long moved = task.writes ? task.neededBytes : produced;
    if (status != Scsi.GOOD) {
      moved = 0;
    }
    traffic.ended(task.writes, moved);
    long residual = moved - task.expectedBytes;
    int residualFlag = residual > 0 ? Iscsi.FLAG_OVERFLOW : residual < 0 ? Iscsi.FLAG_UNDERFLOW : 0;
    int residualBytes = (int) Math.abs(residual);
    if (status == Scsi.GOOD && task.reads && produced > 0) {
      int length = (int) Math.min(produced, task.expectedBytes);
      if (length > 0) {
        sendData(task, data, length, residualFlag, residualBytes);
        return;
      }
    }
    begin(Iscsi.SCSI_RESPONSE, Iscsi.FLAG_FINAL | residualFlag, task.tag).putByte(3, status);
    numbered();
    reply.put(Bhs.RESIDUAL, residualBytes);
    if (sense == null) {
      output.send(reply, null);
      return;
    }
    byte[] bytes = sense.encode(unit.descriptorSense());
    byte[] segment = new byte[2 + bytes.length];
    segment[1] = (byte) bytes.length;
    System.arraycopy(bytes, 0, segment, 2, bytes.length);
    sendBytes(output, portal.payloads(), reply, segment);
  }

  /** Data-In PDUs, the last with the status, section 11.7.3. */
  private void sendData(Task task, Payload data, int length, int residualFlag, int residual) {
    int dataSn = 0;
    int burst = 0;
    for (int at = 0; at < length; ) {
      int part = Math.min(length - at, parameters.sendBytesMax());
      part = Math.min(part, parameters.maxBurstBytes() - burst);
      burst += part;
      boolean last = at + part == length;
      boolean ends = last || burst == parameters.maxBurstBytes();
      int flags = ends ? Iscsi.FLAG_FINAL : 0;
      begin(Iscsi.DATA_IN, last ? flags | Iscsi.FLAG_STATUS | residualFlag : flags, task.tag);
      reply.put(Bhs.TAG_OR_LENGTH, Iscsi.RESERVED_TAG);
      if (last) {
        numbered().put(Bhs.RESIDUAL, residual);
      } else {
        reply.put(Bhs.EXP_CMD_SN, expCmdSn).put(Bhs.MAX_CMD_SN, maxCmdSn());
      }
      reply.put(Bhs.DATA_SN, dataSn++).put(Bhs.BUFFER_OFFSET, at).dataSegmentBytes(part);
      if (at == 0 && part == data.length()) {
        output.send(reply, data);
      } else {
        Payload slice = data.slice(at, part);
        output.send(reply, slice);
        slice.release();
      }
      burst = ends ? 0 : burst;
      at += part;
    }
  }

  private void onTaskManagement(Bhs pdu) {
    int function = pdu.flags() & 0x7f;
    int tag = pdu.initiatorTaskTag();
    boolean ours = Scsi.isLunZero(pdu.lun());
    switch (function) {
      case Iscsi.ABORT_TASK -> {
        Task task = tasks.get(pdu.get(Bhs.TAG_OR_LENGTH));
        if (task == null) {
          managed(tag, Iscsi.TASK_DOES_NOT_EXIST);
        } else {
          Abort abort = new Abort(() -> managed(tag, Iscsi.FUNCTION_COMPLETE));
          abort(task, abort);
          abort.begun();
        }
      }
      case Iscsi.ABORT_TASK_SET, Iscsi.CLEAR_TASK_SET, Iscsi.LOGICAL_UNIT_RESET -> {
        if (!ours) {
          managed(tag, Iscsi.LUN_DOES_NOT_EXIST);
          return;
        }
        Runnable ended = () -> managed(tag, Iscsi.FUNCTION_COMPLETE);
        if (function == Iscsi.ABORT_TASK_SET) {
          abortTasks(ended);
        } else if (function == Iscsi.CLEAR_TASK_SET) {
          unit.clearTaskSet(nexus, ended);
        } else {
          unit.reset(ended);
        }
      }
      case Iscsi.TARGET_WARM_RESET -> unit.reset(() -> managed(tag, Iscsi.FUNCTION_COMPLETE));
      case Iscsi.TARGET_COLD_RESET ->
          unit.reset(
              () -> {
                managed(tag, Iscsi.FUNCTION_COMPLETE);
                portal
                    .sessions()
                    .of(session.targetName())
                    .forEach(connection -> connection.close("TARGET COLD RESET"));
              });
      default -> managed(tag, Iscsi.FUNCTION_NOT_SUPPORTED);
    }
  }

  private void managed(int tag, int result) {
    if (closed) {
      return;
    }
    begin(Iscsi.TASK_MANAGEMENT_RESPONSE, Iscsi.FLAG_FINAL, tag).putByte(2, result);
    numbered();
    output.send(reply, null);
  }

  /** What is not with the volume yet is dropped; for the rest its end is awaited. */
  private void abort(Task task, Abort abort) {
    tasks.remove(task.tag);
    if (!task.immediate) {
      queued--;
    }
    if (task.running) {
      task.abort = abort;
      abort.left++;
      aborted.add(task);
      unit.abandon(task.cdb);
    } else {
      task.releaseData(portal.memory());
    }
  }

  @Override
  public void abortTasks(Runnable ended) {
    Abort abort = new Abort(ended);
    for (Task task : List.copyOf(tasks.values())) {
      abort(task, abort);
    }
    abort.begun();
  }

  /** The connection is gone; what runs ends without an answer. */
  void onClosed() {
    if (closed) {
      return;
    }
    closed = true;
    early.release();
    abortTasks(() -> {});
    if (unit != null) {
      unit.detach(nexus);
    }
  }
}
