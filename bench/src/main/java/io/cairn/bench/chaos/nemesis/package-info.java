/**
 * Random faults on a whole cluster for as long as one likes: the nemesis draws what happens to whom
 * from a seed, and a recorded load on several volumes proves that no acknowledged write is lost, no
 * block is read old, no client sees an error and nothing stands still for longer than the bound.
 * Start reading at {@code NemesisRun}; {@code Network} makes the hosts, {@code Servers} runs the
 * roles on them, {@code Kubelet} probes them as Kubernetes does, {@code Nemesis} plays {@code
 * FaultKind}s, {@code TimelinePage} is the report.
 */
package io.cairn.bench.chaos.nemesis;
