package io.cairn.bench.chaos.nemesis;

import java.util.List;

/**
 * A machine of the cluster: a network namespace of its own, or this machine where there is none.
 *
 * @param name such as storage-1.
 * @param address where its servers listen.
 * @param prefix what a command begins with to run there.
 */
record Host(String name, String address, List<String> prefix) {}
