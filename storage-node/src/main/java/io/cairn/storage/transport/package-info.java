/**
 * The data protocol over TCP: Netty's buffers and sockets behind the seams of {@code env}. Start
 * reading at {@code LinkServer} and {@code LinkClient}, whose connections are both {@code
 * NettyLink}s over a {@code FrameDecoder}. Links of several volumes to one shard share connections:
 * {@code SharedDialer} at the gateway, {@code AcceptedLinks} at the node.
 *
 * <p>A channel is read into its {@code Inbox} and written from its {@code Outbox}; memory and
 * objects are the {@code LoopMemory}'s, which uses them again: in the steady state a frame
 * allocates nothing. {@code TurnLoop} sends together what one turn of a loop brought, and {@code
 * BusyPoll} says when a loop asks for what comes next instead of sleeping.
 *
 * <p>Knows frames, but of the messages only HELLO; knows nothing of replicas.
 */
package io.cairn.storage.transport;
