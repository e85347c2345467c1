/**
 * Sockets of the iSCSI target, on Netty. Start reading at {@code IscsiServer}; the protocol itself
 * is in the room above.
 */
package io.cairn.client.iscsi.server;
