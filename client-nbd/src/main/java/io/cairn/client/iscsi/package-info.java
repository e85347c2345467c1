/**
 * The iSCSI protocol, target side, RFC 7143, error recovery level 0, one connection per session.
 * Start reading at {@code TargetConnection}; {@code Bhs} is the layout of all PDUs, {@code Login}
 * the login phase, {@code FullFeaturePhase} what follows. Pure: PDUs come in and go out; {@code
 * iscsi.server} has the sockets, and {@code scsi} what the commands mean.
 */
package io.cairn.client.iscsi;
