package io.cairn.client.iscsi;

import io.cairn.client.scsi.LogicalUnit;
import io.cairn.storage.env.Payload;
import io.cairn.storage.env.Payloads;
import java.util.function.Supplier;

/**
 * One connection of an initiator, from its first PDU on.
 *
 * <pre>
 * LOGIN --agreed--> OPENING --the target serves--> FULL_FEATURE
 * LOGIN --discovery, agreed--> FULL_FEATURE
 * any --refused, logged out, reinstated, broken, closed--> CLOSED
 * </pre>
 */
public final class TargetConnection {
  /** Silence after which the initiator is asked whether it lives. */
  static final long PING_AFTER_NANOS = 15_000_000_000L;

  /** Silence after which it does not. */
  static final long SILENCE_NANOS_MAX = 45_000_000_000L;

  private enum State {
    LOGIN,
    OPENING,
    FULL_FEATURE,
    CLOSED
  }

  /**
   * What all connections of a portal share.
   *
   * @param secrets null without CHAP.
   * @param random fresh random bytes for a challenge, {@link #RANDOM_BYTES} each time.
   * @param memory in which commands gather what they write.
   */
  public record Portal(
      Targets targets,
      Sessions sessions,
      ChapSecrets secrets,
      Supplier<byte[]> random,
      Payloads payloads,
      TransferMemory memory) {}

  /** Random bytes that a login needs. */
  public static final int RANDOM_BYTES = Chap.CHALLENGE_BYTES + 1;

  private final Portal portal;
  private final String portalAddress;
  private final String peerAddress;
  private final long beganNanos;
  private final Output output;
  private final Login login;
  private final Bhs response = new Bhs();
  private State state = State.LOGIN;
  private Sessions.Key key;
  private Targets.Opening opening;
  private FullFeaturePhase phase;
  private String end;
  private int statSn;
  private long isid;
  private long lastHeardNanos;
  private boolean pinged;

  /**
   * A connection.
   *
   * @param portalAddress the address that the initiator reached, HOST:PORT.
   * @param peerAddress the initiator's own, HOST:PORT.
   */
  public TargetConnection(
      Portal portal, String portalAddress, String peerAddress, Output output, long nowNanos) {
    this.portal = portal;
    this.peerAddress = peerAddress;
    beganNanos = nowNanos;
    this.portalAddress = portalAddress;
    this.output = output;
    login = new Login(portal.secrets(), portal.random().get(), portal.targets().portalGroup());
    lastHeardNanos = nowNanos;
  }

  /** What was agreed; digests hold from the first PDU after the login. */
  public Parameters parameters() {
    return login.parameters();
  }

  /** Whether the login is over and PDUs carry the digests that were agreed. */
  public boolean isLoggedIn() {
    return state == State.FULL_FEATURE;
  }

  /** Whether it waits for us: nothing is read meanwhile. */
  public boolean isBusy() {
    return state == State.OPENING;
  }

  /** Why it ended, or null. */
  public String end() {
    return end;
  }

  /** The initiator's name once it is known, or null. */
  public String initiatorName() {
    return login.initiatorName();
  }

  Sessions.Seen seen(int number) {
    return new Sessions.Seen(
        number,
        login.initiatorName(),
        login.targetName(),
        peerAddress,
        portalAddress,
        beganNanos,
        phase == null ? new Sessions.Traffic(0, 0, 0, 0) : phase.traffic.now());
  }

  /** Tasks that were not answered yet. */
  public int tasks() {
    return phase == null ? 0 : phase.tasks();
  }

  /**
   * Where in a command's memory the data segment of a PDU belongs whose header has come, so that it
   * can be received there.
   *
   * @return with a reference for the caller, to be passed to {@link #onPdu} when it is full; null
   *     when it belongs nowhere, or is not to be taken.
   */
  public Payload placeOf(Bhs pdu) {
    return state == State.FULL_FEATURE ? phase.placeOf(pdu) : null;
  }

  /**
   * One PDU.
   *
   * @param data its data segment, borrowed; null when it has none.
   * @throws ProtocolException when the connection cannot go on.
   */
  public void onPdu(Bhs pdu, Payload data, long nowNanos) {
    lastHeardNanos = nowNanos;
    pinged = false;
    switch (state) {
      case LOGIN -> onLogin(pdu, bytes(data));
      case OPENING -> throw new ProtocolException("a PDU before the login was answered");
      case FULL_FEATURE -> phase.onPdu(pdu, data);
      case CLOSED -> {}
    }
  }

  static byte[] bytes(Payload data) {
    if (data == null) {
      return new byte[0];
    }
    byte[] copy = new byte[data.length()];
    data.buffer().getBytes(data.offset(), copy);
    return copy;
  }

  private void onLogin(Bhs request, byte[] data) {
    if (request.opcode() != Iscsi.LOGIN_REQUEST) {
      throw new ProtocolException("opcode " + request.opcode() + " before the login");
    }
    Login.Step step = login.onRequest(request, data);
    isid = request.bytes().getLong(8, java.nio.ByteOrder.BIG_ENDIAN) >>> 16;
    if (login.state() != Login.State.DONE) {
      answer(request, step, 0);
      return;
    }
    Bhs last = new Bhs().copyFrom(request.bytes(), 0);
    if (login.isDiscovery()) {
      begin(last, step, null, 1);
      return;
    }
    open(last, step);
  }

  private void open(Bhs last, Login.Step step) {
    state = State.OPENING;
    key = new Sessions.Key(login.initiatorName(), isid, login.targetName());
    TargetConnection former = portal.sessions().find(key);
    if (former != null) {
      former.close("reinstated by the initiator");
    }
    if (portal.sessions().isFull()) {
      refuse(
          last, Iscsi.LOGIN_OUT_OF_RESOURCES, "there are " + Sessions.SESSIONS_MAX + " sessions");
      return;
    }
    opening =
        new Targets.Opening() {
          @Override
          public void opened(LogicalUnit unit) {
            if (state != State.OPENING) {
              return;
            }
            TargetConnection other = portal.sessions().find(key);
            if (other != null) {
              other.close("reinstated by the initiator");
            }
            begin(last, step, unit, portal.sessions().add(key, TargetConnection.this));
          }

          @Override
          public void refused(int loginStatus, String reason) {
            opening = null;
            refuse(last, loginStatus, reason);
          }

          @Override
          public void over() {
            opening = null;
            close("the volume is no longer served here");
          }
        };
    portal.targets().open(login.targetName(), login.initiator(), opening);
  }

  private void begin(Bhs request, Login.Step step, LogicalUnit unit, int tsih) {
    state = State.FULL_FEATURE;
    answer(request, step, tsih);
    phase =
        new FullFeaturePhase(
            new FullFeaturePhase.Session(
                login.initiator(), isid, tsih, login.targetName(), portalAddress),
            login.parameters(),
            unit,
            portal,
            output,
            this::close,
            request.get(Bhs.CMD_SN) + (request.isImmediate() ? 0 : 1),
            statSn);
  }

  private void refuse(Bhs request, int status, String reason) {
    answer(request, login.refuse(status, reason), 0);
  }

  private void answer(Bhs request, Login.Step step, int tsih) {
    response.begin(Iscsi.LOGIN_RESPONSE, step.flags());
    // Version-max and version-active are 0. ISID as it came, then TSIH.
    response.bytes().putBytes(8, request.bytes(), 8, 6);
    response.putShort(14, tsih);
    response.initiatorTaskTag(request.initiatorTaskTag());
    if (step.status() >>> 8 == 0) {
      response.put(Bhs.STAT_SN, statSn++);
    }
    int cmdSn = request.get(Bhs.CMD_SN);
    response.put(Bhs.EXP_CMD_SN, cmdSn);
    response.put(Bhs.MAX_CMD_SN, cmdSn + FullFeaturePhase.WINDOW_COMMANDS - 1);
    response.putShort(Bhs.LOGIN_STATUS, step.status());
    FullFeaturePhase.sendBytes(output, portal.payloads(), response, step.text());
    if (step.status() != Iscsi.LOGIN_SUCCESS) {
      close("login refused: " + step.reason());
    }
  }

  /** Looks after the time: asks a silent initiator, and gives one up that does not answer. */
  public void onTimer(long nowNanos) {
    if (state != State.FULL_FEATURE) {
      return;
    }
    long silentNanos = nowNanos - lastHeardNanos;
    if (silentNanos >= SILENCE_NANOS_MAX) {
      close("silent for " + silentNanos / 1_000_000_000L + " s");
    } else if (silentNanos >= PING_AFTER_NANOS && !pinged) {
      pinged = true;
      phase.ping();
    }
  }

  /** Asks the initiator to log out, because we stop (section 11.9.1). */
  public void requestLogout() {
    if (state == State.FULL_FEATURE) {
      phase.requestLogout();
    }
  }

  /** Ends the connection and with it the session; what is under way is not answered. */
  public void close(String reason) {
    if (state == State.CLOSED) {
      return;
    }
    end = reason;
    onClosed();
    output.close();
  }

  /** The socket is gone. */
  public void onClosed() {
    if (state == State.CLOSED) {
      return;
    }
    state = State.CLOSED;
    if (key != null) {
      portal.sessions().remove(key, this);
    }
    if (phase != null) {
      phase.onClosed();
    }
    if (opening != null) {
      portal.targets().close(opening);
      opening = null;
    }
  }
}
