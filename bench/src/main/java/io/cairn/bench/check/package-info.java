/**
 * Oracles: what must hold of any run of a cluster, simulated or real. Start reading at {@code
 * BlockHistory}. Imports nothing of the simulator.
 */
package io.cairn.bench.check;
