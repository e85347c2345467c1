/**
 * The gateway's process: volumes of a cluster as NBD exports. Start reading at {@code Gateway},
 * which puts the parts together, then {@code VolumeExports}, which says who gets which volume, and
 * {@code HostedVolume}, the life of one volume here.
 *
 * <p>One event loop serves everything of a gateway: NBD connections, sessions and links to nodes,
 * so that a request goes from socket to socket on one thread. Nothing blocks on it: the metadata
 * client has a thread of its own.
 */
package io.cairn.client.gateway;
