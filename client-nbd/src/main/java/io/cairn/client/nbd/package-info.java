/**
 * The NBD protocol, server side, as the "NBD protocol" document of the Network Block Device project
 * has it: fixed newstyle handshake and transmission. Start reading at {@code Handshake} and {@code
 * Transmission}. Pure: bytes come in and go out; {@code nbd.server} has the sockets.
 */
package io.cairn.client.nbd;
