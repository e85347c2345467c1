/**
 * The command {@code cairn}: one class per verb. Start reading at {@code Cairn}; {@code
 * ClusterOptions} is what the operator's verbs share, {@code ClusterCalls} how they talk to the
 * cluster, through the metadata client only.
 */
package io.cairn.client.cli;
