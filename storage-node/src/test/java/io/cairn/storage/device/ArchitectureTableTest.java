package io.cairn.storage.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class ArchitectureTableTest {
  /** In octal as in Linux' arch/arm64/include/uapi/asm/fcntl.h and asm-generic/fcntl.h. */
  @Test
  void pastThePageCacheIsAnotherFlagOnArm() {
    assertEquals(Integer.parseInt("40000", 8), Architecture.X86_64.direct);
    assertEquals(Integer.parseInt("200000", 8), Architecture.AARCH64.direct);
  }

  /** As in Linux' arch/x86/entry/syscalls/syscall_64.tbl and scripts/syscall.tbl. */
  @Test
  void callsHaveTheNumbersOfTheirArchitecture() {
    assertEquals(List.of(206L, 207L, 209L, 208L), calls(Architecture.X86_64));
    assertEquals(List.of(0L, 1L, 2L, 4L), calls(Architecture.AARCH64));
  }

  private static List<Long> calls(Architecture a) {
    return List.of(a.ioSetup, a.ioDestroy, a.ioSubmit, a.ioGetevents);
  }

  @Test
  void eachIsFoundByTheNamesThatJvmsGiveItAndNoOtherIs() {
    assertSame(Architecture.X86_64, Architecture.of("amd64"));
    assertSame(Architecture.X86_64, Architecture.of("x86_64"));
    assertSame(Architecture.AARCH64, Architecture.of("aarch64"));
    String refused =
        assertThrows(IllegalStateException.class, () -> Architecture.of("riscv64")).getMessage();
    assertTrue(refused.contains("riscv64"), refused);
  }
}
