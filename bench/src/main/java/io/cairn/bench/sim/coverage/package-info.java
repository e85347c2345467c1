/**
 * Which transitions of the protocol's state machines a simulation has visited: the ones that are
 * declared, beside the ones that were seen.
 */
package io.cairn.bench.sim.coverage;
