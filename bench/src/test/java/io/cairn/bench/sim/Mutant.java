package io.cairn.bench.sim;

import io.cairn.bench.sim.coverage.AnewLoader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/**
 * The cluster with a bug: some lines of its sources are replaced, compiled, and loaded beside all
 * the others in a class loader of their own. So production code needs no switch for any of this.
 */
final class Mutant {
  private final String name;
  private final Map<String, String> sources = new LinkedHashMap<>();

  Mutant(String name) {
    this.name = name;
  }

  /**
   * Replaces text of a class; fails when the text does not stand there exactly once.
   *
   * @param type the class's full name.
   */
  Mutant with(String type, String text, String replacement) {
    String source = sources.computeIfAbsent(type, Mutant::source);
    int at = source.indexOf(text);
    if (at < 0 || source.indexOf(text, at + 1) >= 0) {
      throw new IllegalStateException(
          "mutant '"
              + name
              + "' needs a new place: in "
              + type
              + " this is not there once: "
              + text);
    }
    sources.put(type, source.replace(text, replacement));
    return this;
  }

  private static String source(String type) {
    String file = "src/main/java/" + type.replace('.', '/') + ".java";
    for (Path base = Path.of("").toAbsolutePath(); base != null; base = base.getParent()) {
      for (String module : List.of("bench", "client-nbd", "storage-node", "metadata-raft")) {
        Path path = base.resolve(module).resolve(file);
        if (Files.exists(path)) {
          try {
            return Files.readString(path);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        }
      }
    }
    throw new IllegalStateException("no source of " + type);
  }

  /** Runs one seed; returns the name of what it violates, or null. */
  interface Seeds {
    String run(long seed);
  }

  /** Compiles and loads. */
  Seeds load() {
    try {
      Class<?> probe = new Loader(compile()).loadClass(MutantProbe.class.getName());
      Method run = probe.getMethod("run", long.class);
      return seed -> {
        try {
          return (String) run.invoke(null, seed);
        } catch (ReflectiveOperationException e) {
          throw new IllegalStateException(e);
        }
      };
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  private Map<String, byte[]> compile() {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    Map<String, ByteArrayOutputStream> classes = new TreeMap<>();
    JavaFileManager files =
        new ForwardingJavaFileManager<JavaFileManager>(
            compiler.getStandardFileManager(null, null, null)) {
          @Override
          public JavaFileObject getJavaFileForOutput(
              Location location, String type, JavaFileObject.Kind kind, FileObject sibling) {
            return new SimpleJavaFileObject(URI.create("mem:///" + type), kind) {
              @Override
              public OutputStream openOutputStream() {
                ByteArrayOutputStream bytes = new ByteArrayOutputStream();
                classes.put(type, bytes);
                return bytes;
              }
            };
          }
        };
    List<JavaFileObject> units = new ArrayList<>();
    sources.forEach(
        (type, source) ->
            units.add(
                new SimpleJavaFileObject(
                    URI.create("mem:///" + type.replace('.', '/') + ".java"),
                    JavaFileObject.Kind.SOURCE) {
                  @Override
                  public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                    return source;
                  }
                }));
    StringWriter messages = new StringWriter();
    List<String> options =
        List.of("-proc:none", "-nowarn", "-cp", System.getProperty("java.class.path"));
    if (!compiler.getTask(messages, files, null, options, null, units).call()) {
      throw new IllegalStateException("mutant '" + name + "' does not compile:\n" + messages);
    }
    Map<String, byte[]> result = new TreeMap<>();
    classes.forEach((type, bytes) -> result.put(type, bytes.toByteArray()));
    return result;
  }

  /** Takes the mutated classes from memory. */
  private static final class Loader extends AnewLoader {
    private final Map<String, byte[]> mutated;

    Loader(Map<String, byte[]> mutated) {
      this.mutated = mutated;
    }

    @Override
    protected byte[] wanted(String type) throws ClassNotFoundException {
      byte[] bytes = mutated.get(type);
      return bytes == null ? original(type) : bytes;
    }
  }
}
