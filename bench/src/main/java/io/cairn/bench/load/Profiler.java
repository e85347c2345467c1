package io.cairn.bench.load;

import com.sun.tools.attach.AgentInitializationException;
import com.sun.tools.attach.AgentLoadException;
import com.sun.tools.attach.AttachNotSupportedException;
import com.sun.tools.attach.VirtualMachine;
import io.cairn.bench.chaos.Member;
import io.cairn.client.cli.CommandFailure;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Samples where processes spend the processor's time, in Java, native code and the kernel, by
 * async-profiler. A process is attached to only while it is profiled.
 */
final class Profiler {
  private static final String START = ",threads,interval=1ms";

  private final Path library;

  private Profiler(Path library) {
    this.library = library;
  }

  /** Unpacks the native library into a directory; fails where there is none for this machine. */
  static Profiler unpack(Path directory) throws IOException {
    String architecture =
        switch (System.getProperty("os.arch")) {
          case "amd64", "x86_64" -> "x64";
          case "aarch64" -> "arm64";
          default -> "none";
        };
    String resource = "/linux-" + architecture + "/libasyncProfiler.so";
    Path library = directory.resolve("libasyncProfiler.so");
    try (InputStream from = Profiler.class.getResourceAsStream(resource)) {
      if (from == null) {
        throw new CommandFailure("profiles cannot be taken: async-profiler has no " + resource);
      }
      Files.write(library, from.readAllBytes());
    }
    return new Profiler(library);
  }

  /** Begins. */
  void start(List<Member> members) {
    for (Member member : members) {
      try {
        command(member, "start,event=cpu" + START);
      } catch (CommandFailure e) {
        // Where the kernel forbids perf events: a timer of each thread, without the kernel's
        // frames.
        command(member, "start,event=ctimer" + START);
      }
    }
  }

  /** Ends, and returns each member's stacks. */
  Map<String, Stacks> stop(List<Member> members, Path directory) throws IOException {
    Map<String, Stacks> stacks = new LinkedHashMap<>();
    for (Member member : members) {
      Path file = directory.resolve(member.name() + ".collapsed");
      command(member, "stop,file=" + file + ",collapsed,ann");
      stacks.put(member.name(), Stacks.read(file));
      Files.delete(file);
    }
    return stacks;
  }

  private void command(Member member, String arguments) {
    ProcessHandle process =
        member
            .process()
            .orElseThrow(() -> new CommandFailure(member.name() + " does not run any more"));
    try {
      VirtualMachine machine = VirtualMachine.attach(Long.toString(process.pid()));
      try {
        machine.loadAgentPath(library.toString(), arguments);
      } finally {
        machine.detach();
      }
    } catch (AttachNotSupportedException
        | AgentLoadException
        | AgentInitializationException
        | IOException e) {
      throw new CommandFailure(member.name() + " cannot be profiled: " + e, e);
    }
  }
}
