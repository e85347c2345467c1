/** Where the command {@code cairn} starts; the rooms below hold the simulator and its oracles. */
package io.cairn.bench;
