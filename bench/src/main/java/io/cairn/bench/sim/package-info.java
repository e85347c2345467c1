/**
 * The whole cluster in one thread on virtual time: the production's pure classes over a simulated
 * network, disks and an ordered metadata log, all drawn from one seed. Start reading at {@code
 * SimRun}; the fault models stand at {@code SimFaults}, {@code SimNetwork}, {@code SimMetadata},
 * {@code SimDevice} and {@code ModelStore}; the oracles are in {@code StoreModel}, {@code Losses},
 * {@code SimWorkload} and the room {@code check}.
 *
 * <p>Half of the seeds store by the production's journal over simulated devices, beside a model of
 * what it must hold; the others in memory, where a power loss may cut the log anywhere and a read
 * may be early or late. Both cost about the same; the first also finds what is wrong in the store.
 */
package io.cairn.bench.sim;
