/**
 * The data protocol over TCP: Netty's buffers and sockets behind the seams of {@code env}. Start
 * reading at {@code LinkServer} and {@code LinkClient}, whose connections are both {@code
 * NettyLink}s over a {@code FrameDecoder}.
 *
 * <p>Knows frames, but of the messages only HELLO; knows nothing of replicas.
 */
package io.cairn.storage.transport;
