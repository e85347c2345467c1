/**
 * What a figure was measured on: without it no figure means anything. Start reading at {@code
 * Machine}. Used by the load runs and by the microbenchmarks.
 */
package io.cairn.bench.machine;
