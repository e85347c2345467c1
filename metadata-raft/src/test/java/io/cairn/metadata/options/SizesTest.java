package io.cairn.metadata.options;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SizesTest {
  @ParameterizedTest
  @CsvSource({"512MiB,536870912", "10GiB,10737418240", "0B,0", "1TiB,1099511627776", "4KiB,4096"})
  void readsWhatItWrites(String text, long bytes) {
    assertEquals(bytes, Sizes.parseBytes(text));
    assertEquals(text, Sizes.format(bytes));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "10", "10GB", "-1GiB", "1.5GiB", "GiB", "9999999PiB", "10 GiB"})
  void refusesOtherTextAndNamesIt(String text) {
    IllegalArgumentException refusal =
        assertThrows(IllegalArgumentException.class, () -> Sizes.parseBytes(text));
    assertTrue(refusal.getMessage().contains("'" + text + "'"), refusal.getMessage());
  }

  @Test
  void roundsToOneDecimal() {
    assertEquals("1.5GiB", Sizes.format(1536L << 20));
  }
}
