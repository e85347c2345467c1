package io.cairn.client.iscsi;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Text and the operational keys, RFC 7143 sections 6 and 13. */
class NegotiationTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "HeaderDigest|CRC32C,None|CRC32C",
        "HeaderDigest|None,CRC32C|None",
        "DataDigest|SHA9,CRC32C|CRC32C",
        "DataDigest|SHA9|Reject",
        "InitialR2T|Yes|Yes",
        "InitialR2T|No|No",
        "InitialR2T|maybe|Reject",
        "ImmediateData|Yes|Yes",
        "ImmediateData|No|No",
        "DataPDUInOrder|No|Yes",
        "DataSequenceInOrder|Yes|Yes",
        "MaxBurstLength|262144|262144",
        "MaxBurstLength|16776192|1048576",
        "MaxBurstLength|0x8000|32768",
        "MaxBurstLength|511|Reject",
        "MaxBurstLength|16777216|Reject",
        "FirstBurstLength|512|512",
        "FirstBurstLength|16777215|262144",
        "FirstBurstLength|-1|Reject",
        "MaxConnections|8|1",
        "MaxConnections|0|Reject",
        "MaxOutstandingR2T|16|1",
        "ErrorRecoveryLevel|2|0",
        "ErrorRecoveryLevel|3|Reject",
        "DefaultTime2Wait|0|2",
        "DefaultTime2Wait|30|30",
        "DefaultTime2Retain|20|0",
        "DefaultTime2Retain|3601|Reject",
        "TaskReporting|FastAbort,RFC3720|RFC3720",
        "iSCSIProtocolLevel|1|1",
        "IFMarker|Yes|No",
        "OFMarkInt|1~2|Reject",
        "X-com.example.key|1|NotUnderstood",
      })
  void keyIsAnsweredAsItsResultFunctionSays(String key, String offer, String answer) {
    assertEquals(Map.of(key, answer), new Parameters().answer(Map.of(key, offer), false));
  }

  @Test
  void declarationsWantNoAnswerAndOursIsMadeOnce() {
    Parameters parameters = new Parameters();
    assertEquals(
        Map.of("MaxRecvDataSegmentLength", "262144"),
        parameters.answer(Map.of("MaxRecvDataSegmentLength", "4096"), true));
    assertEquals(4096, parameters.sendBytesMax());
    assertEquals(Map.of(), parameters.answer(Map.of(), true));
  }

  @Test
  void defaultsAreThoseOfTheStandard() {
    Parameters parameters = new Parameters();
    assertFalse(parameters.headerDigest() || parameters.dataDigest());
    assertTrue(parameters.initialR2t() && parameters.immediateData());
    assertEquals(8192, parameters.sendBytesMax());
    assertEquals(262_144, parameters.maxBurstBytes());
    assertEquals(65_536, parameters.firstBurstBytes());
  }

  @Test
  void firstBurstIsNeverLongerThanABurst() {
    Parameters parameters = new Parameters();
    parameters.answer(Map.of("MaxBurstLength", "1024", "FirstBurstLength", "2048"), false);
    assertEquals(1024, parameters.firstBurstBytes());
  }

  @Test
  void textGoesBothWays() {
    byte[] text = "A=1\0TargetName=iqn.2026-11.x:y=z\0C=\0".getBytes(UTF_8);
    Map<String, String> pairs = TextPairs.decode(text);
    assertEquals(Map.of("A", "1", "TargetName", "iqn.2026-11.x:y=z", "C", ""), pairs);
    assertEquals(new String(text, UTF_8), new String(TextPairs.encode(pairs), UTF_8));
    assertEquals(Map.of("A", "1"), TextPairs.decode("\0\0A=1".getBytes(UTF_8)));
  }

  @ParameterizedTest
  @CsvSource({"=1", "novalue", "A B=1", "A=1;A=2"})
  void textThatBreaksTheRulesIsRefused(String text) {
    byte[] bytes = text.replace(';', '\0').getBytes(UTF_8);
    assertThrows(ProtocolException.class, () -> TextPairs.decode(bytes));
  }

  @Test
  void textHasBounds() {
    String key = "K".repeat(TextPairs.KEY_CHARACTERS_MAX);
    assertEquals(1, TextPairs.decode((key + "=1").getBytes(UTF_8)).size());
    assertThrows(ProtocolException.class, () -> TextPairs.decode((key + "K=1").getBytes(UTF_8)));
    String value = "v".repeat(TextPairs.VALUE_CHARACTERS_MAX);
    assertEquals(1, TextPairs.decode(("A=" + value).getBytes(UTF_8)).size());
    assertThrows(ProtocolException.class, () -> TextPairs.decode(("A=v" + value).getBytes(UTF_8)));
    StringBuilder many = new StringBuilder();
    for (int i = 0; i <= TextPairs.PAIRS_MAX; i++) {
      many.append('K').append(i).append("=1\0");
    }
    assertThrows(ProtocolException.class, () -> TextPairs.decode(many.toString().getBytes(UTF_8)));
  }
}
