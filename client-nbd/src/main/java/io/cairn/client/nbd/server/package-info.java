/**
 * Sockets of the NBD server: TCP and Unix, on Netty. Start reading at {@code NbdServer}; the
 * protocol itself is in the room above.
 */
package io.cairn.client.nbd.server;
