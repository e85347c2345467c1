/**
 * Netty's buffers and sockets behind the seams of {@code env}. Start reading at {@code
 * NettyPayload}.
 */
package io.cairn.storage.transport;
