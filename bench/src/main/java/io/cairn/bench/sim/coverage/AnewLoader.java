package io.cairn.bench.sim.coverage;

import java.io.IOException;
import java.io.InputStream;

/**
 * Loads all of the project's classes anew, some of them changed, beside those of the program. What
 * is in this package is shared with the program, so that the two can tell each other something.
 */
public abstract class AnewLoader extends ClassLoader {
  private static final String PROJECT = "io.cairn.";
  private static final String SHARED = AnewLoader.class.getPackageName() + ".";

  /** A loader whose parent is the program's. */
  protected AnewLoader() {
    super(AnewLoader.class.getClassLoader());
  }

  /** The class file of a type of the project, as this loader wants it. */
  protected abstract byte[] wanted(String type) throws ClassNotFoundException;

  /** The class file as the program has it. */
  protected final byte[] original(String type) throws ClassNotFoundException {
    try (InputStream in = getResourceAsStream(type.replace('.', '/') + ".class")) {
      if (in == null) {
        throw new ClassNotFoundException(type);
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new ClassNotFoundException(type, e);
    }
  }

  @Override
  protected final Class<?> loadClass(String type, boolean resolve) throws ClassNotFoundException {
    if (!type.startsWith(PROJECT) || type.startsWith(SHARED)) {
      return super.loadClass(type, resolve);
    }
    synchronized (getClassLoadingLock(type)) {
      Class<?> loaded = findLoadedClass(type);
      if (loaded == null) {
        byte[] bytes = wanted(type);
        loaded = defineClass(type, bytes, 0, bytes.length);
      }
      return loaded;
    }
  }
}
