/** The command {@code cairn chaos}: scenarios that are told, or random faults by the nemesis. */
package io.cairn.bench.chaos.cli;
