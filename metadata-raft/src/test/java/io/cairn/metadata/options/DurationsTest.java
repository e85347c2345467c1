package io.cairn.metadata.options;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DurationsTest {
  @ParameterizedTest
  @CsvSource({"500ms,500", "2s,2000", "10m,600000", "24h,86400000", "0,0", "7d,604800000"})
  void readsAndWrites(String text, long millis) {
    assertEquals(Duration.ofMillis(millis), Durations.parse(text));
    assertEquals(
        Duration.ofMillis(millis), Durations.parse(Durations.format(Durations.parse(text))));
  }

  @ParameterizedTest
  @ValueSource(strings = {"1us", "50us", "1500us"})
  void readsAndWritesMicroseconds(String text) {
    assertEquals(text, Durations.format(Durations.parse(text)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "5", "-1s", "1.5s", "s", "1 s", "9999999999s", "1S"})
  void refusesOtherText(String text) {
    assertThrows(IllegalArgumentException.class, () -> Durations.parse(text));
  }
}
