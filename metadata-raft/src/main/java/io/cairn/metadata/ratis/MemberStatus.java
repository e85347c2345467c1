package io.cairn.metadata.ratis;

/**
 * What one server of the group knows about itself and the group.
 *
 * @param alive false once it has failed or was closed.
 * @param leading whether it leads and answers.
 * @param leaderKnown whether some server leads, as far as this one knows.
 * @param appliedIndex of the last log entry in its state.
 * @param snapshotIndex of its last snapshot, -1 when there is none.
 * @param clusterId 0 before the cluster has its identity.
 * @param nodesUp storage nodes heard of within the grace time; only a leader hears of any.
 * @param nodesDown the others on record.
 */
public record MemberStatus(
    boolean alive,
    boolean leading,
    boolean leaderKnown,
    long term,
    long appliedIndex,
    long snapshotIndex,
    long clusterId,
    int nodesUp,
    int nodesDown) {}
