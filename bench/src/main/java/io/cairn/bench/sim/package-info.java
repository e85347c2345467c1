/**
 * The whole cluster in one thread on virtual time: the production's pure classes over a simulated
 * network, disks and an ordered metadata log, all drawn from one seed. Start reading at {@code
 * SimRun}; the fault models stand at {@code SimNetwork} and {@code SimStore}.
 */
package io.cairn.bench.sim;
