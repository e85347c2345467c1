package io.cairn.storage.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class WatchedDeviceTest {
  @Test
  void pagesThatASyncTouchesAreWrittenAsAWhole() {
    assertEquals(4096, WatchedDevice.wholePagesBytes(0, 1));
    assertEquals(4096, WatchedDevice.wholePagesBytes(8, 4088));
    assertEquals(8192, WatchedDevice.wholePagesBytes(8, 4096));
    assertEquals(4096, WatchedDevice.wholePagesBytes(4096, 4096));
    assertEquals(8192, WatchedDevice.wholePagesBytes(4095, 2));
    assertEquals(4096, WatchedDevice.wholePagesBytes((1 << 30) - 4096, 4096));
  }
}
