/**
 * Which nodes get the replicas of a new chunk. One rule per file, in the order of their weight;
 * start reading at {@code Placement}. Which replicas are moved later: {@code Balance}. Pure and
 * deterministic: every server decides the same.
 */
package io.cairn.metadata.placement;
