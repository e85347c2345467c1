package io.cairn.client.iscsi;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The login phase, RFC 7143 sections 6.3 and 11.12, and CHAP, section 12.1.3. */
class LoginTest {
  private static final String NAMES = "InitiatorName=iqn.2026-11.test:a\0TargetName=iqn.x:vol\0";
  private static final String SECRETS =
      "alice alices-secret-1\n# none\ntarget cairn targets-secret";
  private static final byte[] RANDOM = new byte[TargetConnection.RANDOM_BYTES];

  private final Bhs request = new Bhs();

  private Login.Step step(Login login, int current, int next, String text) {
    int transit = next < 0 ? 0 : Iscsi.FLAG_FINAL | next;
    request.begin(Iscsi.LOGIN_REQUEST, transit | current << 2);
    return login.onRequest(request, text.getBytes(UTF_8));
  }

  private static Map<String, String> keys(Login.Step step) {
    return TextPairs.decode(step.text());
  }

  @Test
  void withoutAuthenticationOneRequestIsEnough() {
    Login login = new Login(null, RANDOM, 1);
    Login.Step step = step(login, 1, 3, NAMES + "HeaderDigest=None\0");
    assertEquals(Iscsi.LOGIN_SUCCESS, step.status());
    assertEquals(Iscsi.FLAG_FINAL | 1 << 2 | 3, step.flags());
    assertEquals("1", keys(step).get("TargetPortalGroupTag"));
    assertEquals("None", keys(step).get("HeaderDigest"));
    assertEquals(Login.State.DONE, login.state());
    assertEquals("iqn.x:vol", login.targetName());
    assertFalse(login.isDiscovery());
  }

  @Test
  void securityStageThenOperationalStage() {
    Login login = new Login(null, RANDOM, 1);
    assertEquals(
        "None", keys(step(login, 0, 1, NAMES + "AuthMethod=CHAP,None\0")).get("AuthMethod"));
    assertEquals(Login.State.OPERATIONAL, login.state());
    assertEquals("No", keys(step(login, 1, 3, "InitialR2T=No\0")).get("InitialR2T"));
    assertEquals(Login.State.DONE, login.state());
  }

  @Test
  void discoveryNeedsNoTarget() {
    Login login = new Login(null, RANDOM, 1);
    step(login, 1, 3, "InitiatorName=iqn.a\0SessionType=Discovery\0");
    assertTrue(login.isDiscovery());
    assertNull(login.targetName());
    assertEquals(Login.State.DONE, login.state());
  }

  @Test
  void textOverSeveralRequestsIsOne() {
    Login login = new Login(null, RANDOM, 1);
    request.begin(Iscsi.LOGIN_REQUEST, Iscsi.FLAG_CONTINUE | 1 << 2);
    Login.Step first = login.onRequest(request, NAMES.substring(0, 20).getBytes(UTF_8));
    assertEquals(0, first.text().length);
    assertEquals(Iscsi.LOGIN_SUCCESS, step(login, 1, 3, NAMES.substring(20)).status());
    assertEquals("iqn.2026-11.test:a", login.initiatorName());
  }

  @Test
  void refusalsHaveTheirStatus() {
    assertEquals(
        Iscsi.LOGIN_MISSING_PARAMETER,
        step(new Login(null, RANDOM, 1), 1, 3, "TargetName=iqn.x:vol\0").status());
    assertEquals(
        Iscsi.LOGIN_MISSING_PARAMETER,
        step(new Login(null, RANDOM, 1), 1, 3, "InitiatorName=iqn.a\0").status());
    assertEquals(
        Iscsi.LOGIN_SESSION_TYPE,
        step(new Login(null, RANDOM, 1), 1, 3, NAMES + "SessionType=Odd\0").status());
    assertEquals(
        Iscsi.LOGIN_INITIATOR_ERROR, step(new Login(null, RANDOM, 1), 1, 1, NAMES).status());
    assertEquals(
        Iscsi.LOGIN_INITIATOR_ERROR, step(new Login(null, RANDOM, 1), 3, -1, NAMES).status());
    assertEquals(Iscsi.LOGIN_INITIATOR_ERROR, step(new Login(null, RANDOM, 1), 1, 3, "=").status());
    request.begin(Iscsi.LOGIN_REQUEST, 0x87).putByte(3, 1);
    assertEquals(
        Iscsi.LOGIN_UNSUPPORTED_VERSION,
        new Login(null, RANDOM, 1).onRequest(request, new byte[0]).status());
    request.begin(Iscsi.LOGIN_REQUEST, 0x87).putShort(14, 5);
    assertEquals(
        Iscsi.LOGIN_NO_SUCH_SESSION,
        new Login(null, RANDOM, 1).onRequest(request, NAMES.getBytes(UTF_8)).status());
  }

  @Test
  void aLoginWithoutEndIsEnded() {
    Login login = new Login(null, RANDOM, 1);
    for (int i = 0; i < Login.REQUESTS_MAX; i++) {
      assertEquals(Iscsi.LOGIN_SUCCESS, step(login, 1, -1, i == 0 ? NAMES : "").status());
    }
    assertEquals(Iscsi.LOGIN_OUT_OF_RESOURCES, step(login, 1, -1, "").status());
  }

  private static byte[] md5(int id, String secret, byte[] challenge) throws Exception {
    MessageDigest digest = MessageDigest.getInstance("MD5");
    digest.update((byte) id);
    digest.update(secret.getBytes(UTF_8));
    return digest.digest(challenge);
  }

  private static String response(Map<String, String> asked, String secret) throws Exception {
    byte[] challenge = Chap.binary(asked.get("CHAP_C"), 64);
    int id = Integer.parseInt(asked.get("CHAP_I"));
    return "0x" + HexFormat.of().formatHex(md5(id, secret, challenge));
  }

  @Test
  void chapProvesTheInitiator() throws Exception {
    Login login = new Login(ChapSecrets.parse(SECRETS), RANDOM, 1);
    assertEquals(
        "CHAP", keys(step(login, 0, 1, NAMES + "AuthMethod=None,CHAP\0")).get("AuthMethod"));
    Map<String, String> asked = keys(step(login, 0, -1, "CHAP_A=5\0"));
    assertEquals("5", asked.get("CHAP_A"));
    String answer = response(asked, "alices-secret-1");
    Login.Step last = step(login, 0, 1, "CHAP_N=alice\0CHAP_R=" + answer + "\0");
    assertEquals(Iscsi.LOGIN_SUCCESS, last.status());
    assertEquals(Login.State.OPERATIONAL, login.state());
  }

  @Test
  void chapProvesTheTargetToo() throws Exception {
    Login login = new Login(ChapSecrets.parse(SECRETS), RANDOM, 1);
    step(login, 0, -1, NAMES + "AuthMethod=CHAP\0");
    String answer = response(keys(step(login, 0, -1, "CHAP_A=5\0")), "alices-secret-1");
    Map<String, String> proof =
        keys(
            step(
                login,
                0,
                1,
                "CHAP_N=alice\0CHAP_R=" + answer + "\0CHAP_I=9\0CHAP_C=0x0102030405060708\0"));
    assertEquals("cairn", proof.get("CHAP_N"));
    assertArrayEquals(
        md5(9, "targets-secret", new byte[] {1, 2, 3, 4, 5, 6, 7, 8}),
        Chap.binary(proof.get("CHAP_R"), 16));
  }

  @Test
  void chapRefusesWhatIsWrong() throws Exception {
    for (String wrong : new String[] {"other-secret-00", "targets-secret"}) {
      Login login = new Login(ChapSecrets.parse(SECRETS), RANDOM, 1);
      step(login, 0, -1, NAMES + "AuthMethod=CHAP\0");
      String answer = response(keys(step(login, 0, -1, "CHAP_A=5\0")), wrong);
      assertEquals(
          Iscsi.LOGIN_AUTHENTICATION_FAILURE,
          step(login, 0, 1, "CHAP_N=alice\0CHAP_R=" + answer + "\0").status());
    }
    Login login = new Login(ChapSecrets.parse(SECRETS), RANDOM, 1);
    assertEquals(
        Iscsi.LOGIN_AUTHENTICATION_FAILURE,
        step(login, 0, -1, NAMES + "AuthMethod=None\0").status());
    assertEquals(
        Iscsi.LOGIN_AUTHENTICATION_FAILURE,
        step(new Login(ChapSecrets.parse(SECRETS), RANDOM, 1), 1, 3, NAMES).status());
  }

  /** An initiator that sends our own challenge back would have us compute its answer. */
  @Test
  void chapRefusesItsOwnChallenge() throws Exception {
    Login login = new Login(ChapSecrets.parse(SECRETS), RANDOM, 1);
    step(login, 0, -1, NAMES + "AuthMethod=CHAP\0");
    Map<String, String> asked = keys(step(login, 0, -1, "CHAP_A=5\0"));
    String text =
        "CHAP_N=alice\0CHAP_R="
            + response(asked, "alices-secret-1")
            + "\0CHAP_I=1\0CHAP_C="
            + asked.get("CHAP_C")
            + "\0";
    assertEquals(Iscsi.LOGIN_AUTHENTICATION_FAILURE, step(login, 0, 1, text).status());
  }

  @Test
  void authenticationIsNotPassedBy() {
    Login login = new Login(ChapSecrets.parse(SECRETS), RANDOM, 1);
    Login.Step step = step(login, 0, 3, NAMES + "AuthMethod=CHAP\0");
    assertEquals(0, step.flags() & Iscsi.FLAG_FINAL);
    assertEquals(Login.State.SECURITY, login.state());
  }

  @Test
  void secretsHaveBoundsAndAreNotShown() {
    assertThrows(IllegalArgumentException.class, () -> ChapSecrets.parse("alice short"));
    assertThrows(IllegalArgumentException.class, () -> ChapSecrets.parse(""));
    assertThrows(
        IllegalArgumentException.class,
        () -> ChapSecrets.parse("alice same-secret-0\ntarget t same-secret-0"));
    assertFalse(ChapSecrets.parse(SECRETS).toString().contains("secret-1"));
  }
}
