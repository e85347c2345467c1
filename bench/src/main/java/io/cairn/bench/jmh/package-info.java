/**
 * Microbenchmarks, one class per hot room of production; {@code cairn bench} runs them. Start
 * reading at {@code BenchCommand}. A claim about performance carries their output.
 */
package io.cairn.bench.jmh;
