package io.cairn.storage.device;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.device.Device.Operation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class DeviceTest {
  private final Device device = new Device(Device.Tier.CAPACITY, Path.of("none"), null);

  private void takesMilliseconds(Operation operation) throws IOException {
    device.run(operation, () -> LockSupport.parkNanos(4_000_000));
  }

  @Test
  void readsAreSlowWhileTheyTakeMilliseconds() throws IOException {
    assertFalse(device.readsAreSlow());
    for (int i = 0; i < 16; i++) {
      takesMilliseconds(Operation.WRITE);
    }
    assertFalse(device.readsAreSlow(), "writes do not count");
    for (int i = 0; i < 16; i++) {
      takesMilliseconds(Operation.READ);
    }
    assertTrue(device.readsAreSlow());
    for (int i = 0; i < 1_000_000 && device.readsAreSlow(); i++) {
      device.run(Operation.READ, () -> {});
    }
    assertFalse(device.readsAreSlow());
  }
}
