package io.cairn.bench.initiator;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/** The functions of libiscsi 1.19 (ABI 7) that a session of one thread needs, and poll(2). */
@SuppressWarnings("restricted")
final class LibIscsi {
  static final String LIBRARY = "libiscsi.so.7";

  /** A session for SCSI commands, not one for discovery: {@code ISCSI_SESSION_NORMAL}. */
  static final int SESSION_NORMAL = 2;

  private static final AddressLayout POINTER = ValueLayout.ADDRESS;
  private static final AddressLayout TEXT =
      POINTER.withTargetLayout(MemoryLayout.sequenceLayout(4096, ValueLayout.JAVA_BYTE));
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  /** {@code iscsi_command_cb}: context, SCSI status, task, what the caller gave with it. */
  static final FunctionDescriptor COMMAND_ENDED =
      FunctionDescriptor.ofVoid(POINTER, INT, POINTER, LONG);

  private final Linker linker = Linker.nativeLinker();
  private final SymbolLookup symbols;

  final MethodHandle createContext;
  final MethodHandle destroyContext;
  final MethodHandle setTargetName;
  final MethodHandle setSessionType;
  final MethodHandle setNoAutoReconnect;
  final MethodHandle fullConnectSync;
  final MethodHandle logoutSync;
  final MethodHandle getError;
  final MethodHandle getFd;
  final MethodHandle whichEvents;
  final MethodHandle service;
  final MethodHandle read16;
  final MethodHandle write16;
  final MethodHandle addDataInBuffer;
  final MethodHandle freeTask;
  final MethodHandle poll;

  private LibIscsi(SymbolLookup symbols) {
    this.symbols = symbols;
    createContext = function("iscsi_create_context", POINTER, POINTER);
    destroyContext = function("iscsi_destroy_context", INT, POINTER);
    setTargetName = function("iscsi_set_targetname", INT, POINTER, POINTER);
    setSessionType = function("iscsi_set_session_type", INT, POINTER, INT);
    setNoAutoReconnect =
        linker.downcallHandle(
            symbols.findOrThrow("iscsi_set_noautoreconnect"),
            FunctionDescriptor.ofVoid(POINTER, INT));
    fullConnectSync = function("iscsi_full_connect_sync", INT, POINTER, POINTER, INT);
    logoutSync = function("iscsi_logout_sync", INT, POINTER);
    getError = function("iscsi_get_error", TEXT, POINTER);
    getFd = function("iscsi_get_fd", INT, POINTER);
    whichEvents = function("iscsi_which_events", INT, POINTER);
    service = function("iscsi_service", INT, POINTER, INT);
    // Context, LUN, block, bytes, bytes of a block, five flags, callback, its argument.
    read16 =
        function(
            "iscsi_read16_task",
            POINTER,
            POINTER,
            INT,
            LONG,
            INT,
            INT,
            INT,
            INT,
            INT,
            INT,
            INT,
            POINTER,
            LONG);
    // The same, with the data before its length.
    write16 =
        function(
            "iscsi_write16_task",
            POINTER,
            POINTER,
            INT,
            LONG,
            POINTER,
            INT,
            INT,
            INT,
            INT,
            INT,
            INT,
            INT,
            POINTER,
            LONG);
    addDataInBuffer = function("scsi_task_add_data_in_buffer", INT, POINTER, INT, POINTER);
    freeTask =
        linker.downcallHandle(
            symbols.findOrThrow("scsi_free_scsi_task"), FunctionDescriptor.ofVoid(POINTER));
    poll =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("poll"),
            FunctionDescriptor.of(INT, POINTER, LONG, INT));
  }

  /** The library, if this machine has it. */
  static Optional<LibIscsi> load() {
    try {
      return Optional.of(new LibIscsi(SymbolLookup.libraryLookup(LIBRARY, Arena.global())));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private MethodHandle function(String name, MemoryLayout result, MemoryLayout... arguments) {
    return linker.downcallHandle(
        symbols.findOrThrow(name), FunctionDescriptor.of(result, arguments));
  }

  /** A function pointer for {@link #COMMAND_ENDED}, which lives as long as the arena. */
  MemorySegment callback(MethodHandle handle, Arena arena) {
    return linker.upcallStub(handle, COMMAND_ENDED, arena);
  }
}
