/**
 * Real clusters of real processes under faults: SIGKILL, SIGSTOP, servers that stay away. Start
 * reading at {@code RunningCluster}, which starts and stops what a user would; {@code RecordedLoad}
 * writes and proves what was acknowledged; {@code Scenario} is one story, and {@code Scenarios} has
 * them all. The command {@code cairn chaos} tells them in their long form, the integration tests in
 * the short one. Imports nothing of the product but the command line's entry: what is tried here is
 * what users have.
 */
package io.cairn.bench.chaos;
