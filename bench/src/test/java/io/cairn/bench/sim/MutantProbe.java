package io.cairn.bench.sim;

/** Runs a seed within the class loader of a mutant. */
public final class MutantProbe {
  private MutantProbe() {}

  /** The name of what the seed violates, or null. */
  public static String run(long seed) {
    try {
      new SimRun(seed, false).run();
      return null;
    } catch (SimFailure e) {
      return e.invariant();
    }
  }
}
