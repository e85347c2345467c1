/**
 * What operators are given beside the program, held to the program: the catalogue of metrics,
 * dashboards, alert rules, and the settings of containers. Start reading at {@code
 * MetricsCatalogue}.
 */
package io.cairn.bench.operations;
