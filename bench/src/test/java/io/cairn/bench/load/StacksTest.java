package io.cairn.bench.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StacksTest {
  @TempDir private Path directory;

  @Test
  void theSameMethodOfTheSameKindOfThreadIsOneHoweverItWasCompiled() throws IOException {
    Stacks stacks =
        read(
            "[data-1 tid=7];io/cairn/A.run_[i];io/cairn/A.run_[j];read_[k] 3",
            "[data-2 tid=8];io/cairn/A.run_[0];io/cairn/A.run_[1];read_[k] 4",
            "[data-2 tid=8];io/cairn/A.run_[0];memcpy 1");
    assertEquals(8, stacks.total());
    assertEquals(
        List.of(new Stacks.Cost("read_[k]", 7), new Stacks.Cost("memcpy", 1)), stacks.bySelf(9));
    assertEquals(List.of(new Stacks.Cost("io/cairn/A.run", 8)), stacks.ownByTotal(9));
    assertTrue(stacks.text(3).contains("87.5 % in the kernel, 0.0 % in Java, 12.5 % in native"));
  }

  @Test
  void aLibraryIsOneWhereverItLies() throws IOException {
    Stacks stacks =
        read(
            "[t tid=1];/tmp/libnative_x86_6410304241835972000093.so (deleted) 2",
            "[t tid=1];/tmp/libnative_x86_6411218985364245983912.so (deleted);/opt/a b/librocks.so"
                + " 3",
            "[t tid=1];io/cairn/A.run_[j];/usr/lib/libc.so.6 4");
    assertEquals(
        List.of("libc.so.6", "librocks.so", "libnative_x86_.so"),
        stacks.bySelf(9).stream().map(Stacks.Cost::frame).toList());
    assertTrue(stacks.counts().keySet().stream().noneMatch(stack -> stack.contains(";/")));
  }

  @Test
  void theGraphHasEachFrameWithItsShare() throws IOException {
    Stacks all = new Stacks();
    all.addBelow("gateway", read("[a<b tid=1];f_[j] 1"));
    all.addBelow("storage", read("[t-1 tid=1];f_[j] 3"));
    String svg = FlameGraph.draw("title", all);
    assertTrue(svg.contains("<title>storage: 75.00 %</title>"), svg);
    assertTrue(svg.contains("<title>[t]: 75.00 %</title>"), svg);
    assertTrue(svg.contains("[a&lt;b]"), svg);
  }

  private Stacks read(String... lines) throws IOException {
    Path file = directory.resolve("stacks");
    Files.write(file, List.of(lines));
    return Stacks.read(file);
  }
}
