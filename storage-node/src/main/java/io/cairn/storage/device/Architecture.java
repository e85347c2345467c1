package io.cairn.storage.device;

/**
 * What Linux numbers differently on the processors that Cairn runs on. All else that this project
 * passes to the kernel has the same value on both: error numbers, the other flags of open(2), those
 * of fallocate(2), memfd_create(2) and preadv2(2), and the members of struct stat that are read.
 */
enum Architecture {
  X86_64(0x4000, 206, 207, 209, 208),
  /** The flag of open(2) is of this architecture alone, the calls are those of all newer ones. */
  AARCH64(0x1_0000, 0, 1, 2, 4);

  /** Flag of open(2). */
  final int direct;

  /** Numbers for syscall(2): the C library has no functions for these. */
  final long ioSetup;

  final long ioDestroy;
  final long ioSubmit;
  final long ioGetevents;

  Architecture(int direct, long ioSetup, long ioDestroy, long ioSubmit, long ioGetevents) {
    this.direct = direct;
    this.ioSetup = ioSetup;
    this.ioDestroy = ioDestroy;
    this.ioSubmit = ioSubmit;
    this.ioGetevents = ioGetevents;
  }

  /** The one that this process runs on. */
  static Architecture here() {
    return of(System.getProperty("os.arch"));
  }

  /**
   * By the JVM's name for it.
   *
   * @throws IllegalStateException for any other: a wrong flag or number would do something else.
   */
  static Architecture of(String name) {
    return switch (name) {
      case "amd64", "x86_64" -> X86_64;
      case "aarch64" -> AARCH64;
      default ->
          throw new IllegalStateException(
              "the processor is " + name + "; storage is for amd64 and aarch64 only");
    };
  }
}
