package io.cairn.client.iscsi;

import io.cairn.metadata.model.AccessRecord;
import java.io.ByteArrayOutputStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The login phase of one connection, section 6.3: each request gives one step, which is answered.
 *
 * <pre>
 * SECURITY --authenticated, T--> OPERATIONAL --T--> DONE
 * SECURITY --authenticated, T--> DONE          begins in OPERATIONAL when nothing is to be proved
 * any --refused--> FAILED
 * </pre>
 */
final class Login {
  /** Requests of one login; CHAP with everything apart needs six. */
  static final int REQUESTS_MAX = 32;

  /** Bytes of one text over several requests. */
  static final int TEXT_BYTES_MAX = 64 << 10;

  enum State {
    /** Nothing came. */
    START,
    /** SecurityNegotiation. */
    SECURITY,
    /** LoginOperationalNegotiation. */
    OPERATIONAL,
    /** Everything is agreed; the session may begin. */
    DONE,
    /** Refused: the answer is the last. */
    FAILED
  }

  /**
   * The answer to one request.
   *
   * @param status class and detail.
   * @param flags T, C, CSG and NSG.
   * @param reason for the log when refused, else null.
   */
  record Step(int status, int flags, byte[] text, String reason) {}

  private final ChapSecrets secrets;
  private final Chap chap;
  private final int portalGroup;
  private final Parameters parameters = new Parameters();
  private final ByteArrayOutputStream text = new ByteArrayOutputStream();
  private State state = State.START;
  private boolean authenticated;
  private boolean chapChosen;
  private boolean portalNamed;
  private int requests;
  private String initiatorName;
  private String targetName;
  private boolean discovery;

  /**
   * A login.
   *
   * @param secrets null when initiators need not prove who they are.
   * @param random for the challenge, see {@link Chap}.
   * @param portalGroup tag of the portal group, 13.9.
   */
  Login(ChapSecrets secrets, byte[] random, int portalGroup) {
    this.secrets = secrets;
    this.portalGroup = portalGroup;
    chap = secrets == null ? null : new Chap(secrets, random);
    authenticated = secrets == null;
  }

  State state() {
    return state;
  }

  Parameters parameters() {
    return parameters;
  }

  /** InitiatorName, 13.5. */
  String initiatorName() {
    return initiatorName;
  }

  /** Who logs in, once it is known. */
  Initiator initiator() {
    return new Initiator(initiatorName, chap == null ? null : chap.name());
  }

  /** TargetName, 13.4; null in a discovery session. */
  String targetName() {
    return targetName;
  }

  /** SessionType=Discovery, 13.21. */
  boolean isDiscovery() {
    return discovery;
  }

  /** One login request. */
  Step onRequest(Bhs request, byte[] data) {
    int current = request.flags() >> 2 & 3;
    int next = request.flags() & 3;
    boolean transit = request.has(Iscsi.FLAG_FINAL);
    boolean continues = request.has(Iscsi.FLAG_CONTINUE);
    if (request.unsignedByte(3) > 0) {
      return refuse(
          Iscsi.LOGIN_UNSUPPORTED_VERSION,
          "version " + request.unsignedByte(3) + " or later is wanted: there is 0");
    }
    if (++requests > REQUESTS_MAX) {
      return refuse(
          Iscsi.LOGIN_OUT_OF_RESOURCES, "more than " + REQUESTS_MAX + " requests in one login");
    }
    if (state == State.START && request.bytes().getShort(14) != 0) {
      return refuse(Iscsi.LOGIN_NO_SUCH_SESSION, "a session has one connection");
    }
    boolean staged =
        state == State.START
            ? current == Iscsi.STAGE_SECURITY || current == Iscsi.STAGE_OPERATIONAL
            : current == stage();
    if (!staged || transit && (continues || next <= current || next == 2)) {
      return refuse(
          Iscsi.LOGIN_INITIATOR_ERROR, "stage " + current + " to " + next + " in " + state);
    }
    if (text.size() + data.length > TEXT_BYTES_MAX) {
      return refuse(
          Iscsi.LOGIN_INITIATOR_ERROR,
          "a text of " + (text.size() + data.length) + " bytes: at most " + TEXT_BYTES_MAX);
    }
    boolean first = state == State.START;
    if (first) {
      state = current == Iscsi.STAGE_SECURITY ? State.SECURITY : State.OPERATIONAL;
    }
    text.writeBytes(data);
    if (continues) {
      return new Step(Iscsi.LOGIN_SUCCESS, current << 2, new byte[0], null);
    }
    Map<String, String> keys;
    try {
      keys = TextPairs.decode(text.toByteArray());
    } catch (ProtocolException e) {
      return refuse(Iscsi.LOGIN_INITIATOR_ERROR, e.getMessage());
    }
    text.reset();
    return onKeys(keys, current, transit ? next : -1);
  }

  private int stage() {
    return switch (state) {
      case SECURITY -> Iscsi.STAGE_SECURITY;
      case OPERATIONAL -> Iscsi.STAGE_OPERATIONAL;
      case START, DONE, FAILED -> -1;
    };
  }

  private Step onKeys(Map<String, String> keys, int current, int next) {
    Step refusal = onNames(keys);
    if (refusal != null) {
      return refusal;
    }
    Map<String, String> answers = new LinkedHashMap<>();
    if (!portalNamed && !discovery) {
      portalNamed = true;
      answers.put("TargetPortalGroupTag", Integer.toString(portalGroup));
    }
    boolean waits = false;
    if (current == Iscsi.STAGE_SECURITY) {
      refusal = onSecurity(keys, answers);
      if (refusal != null) {
        return refusal;
      }
      waits = !authenticated;
    } else if (!authenticated) {
      return refuse(Iscsi.LOGIN_AUTHENTICATION_FAILURE, "no CHAP before the operational stage");
    }
    keys.remove("InitiatorAlias");
    answers.putAll(parameters.answer(keys, current == Iscsi.STAGE_OPERATIONAL));
    int flags = current << 2;
    if (next >= 0 && !waits) {
      flags |= Iscsi.FLAG_FINAL | next;
      state = next == Iscsi.STAGE_FULL_FEATURE ? State.DONE : State.OPERATIONAL;
    }
    return new Step(Iscsi.LOGIN_SUCCESS, flags, TextPairs.encode(answers), null);
  }

  /** Who is who: in the first text, and never another after that. */
  private Step onNames(Map<String, String> keys) {
    String initiator = keys.remove("InitiatorName");
    String type = keys.remove("SessionType");
    String target = keys.remove("TargetName");
    if (initiatorName != null) {
      boolean changed =
          initiator != null && !initiator.equals(initiatorName)
              || target != null && !target.equals(targetName);
      return changed ? refuse(Iscsi.LOGIN_INITIATOR_ERROR, "names change during the login") : null;
    }
    if (initiator == null || initiator.isEmpty()) {
      return refuse(Iscsi.LOGIN_MISSING_PARAMETER, "no InitiatorName");
    }
    if (initiator.length() > AccessRecord.Initiator.NAME_LENGTH_MAX) {
      return refuse(
          Iscsi.LOGIN_INITIATOR_ERROR,
          "an InitiatorName of "
              + initiator.length()
              + " bytes: at most "
              + AccessRecord.Initiator.NAME_LENGTH_MAX);
    }
    if (type != null && !type.equals("Normal") && !type.equals("Discovery")) {
      return refuse(Iscsi.LOGIN_SESSION_TYPE, "a SessionType that is unknown");
    }
    discovery = "Discovery".equals(type);
    if (!discovery && target == null) {
      return refuse(Iscsi.LOGIN_MISSING_PARAMETER, "no TargetName in a normal session");
    }
    initiatorName = initiator;
    targetName = discovery ? null : target;
    return null;
  }

  private Step onSecurity(Map<String, String> keys, Map<String, String> answers) {
    String methods = keys.remove("AuthMethod");
    if (methods != null) {
      String wanted = secrets == null ? "None" : "CHAP";
      if (!List.of(methods.split(",", -1)).contains(wanted)) {
        return refuse(
            Iscsi.LOGIN_AUTHENTICATION_FAILURE,
            "offers no AuthMethod " + wanted + ", which is due");
      }
      chapChosen = secrets != null;
      answers.put("AuthMethod", wanted);
    }
    boolean chapKeys = keys.keySet().stream().anyMatch(key -> key.startsWith("CHAP_"));
    if (chapChosen && chapKeys) {
      answers.putAll(chap.step(keys));
      if (chap.state() == Chap.State.FAILED) {
        return refuse(Iscsi.LOGIN_AUTHENTICATION_FAILURE, "CHAP failed");
      }
      authenticated = chap.state() == Chap.State.DONE;
    }
    return null;
  }

  /** A refusal; the text says the value and the bound. */
  Step refuse(int status, String reason) {
    state = State.FAILED;
    return new Step(status, 0, new byte[0], reason);
  }
}
