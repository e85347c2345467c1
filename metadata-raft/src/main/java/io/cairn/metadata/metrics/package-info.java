/**
 * Latency histograms that cost a request nothing but an addition, and how Prometheus gets them.
 * Start reading at {@code LatencyHistogram}. Imports nothing of Cairn.
 */
package io.cairn.metadata.metrics;
