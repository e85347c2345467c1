/**
 * The data protocol between gateways and storage nodes, and among storage nodes: frame layout,
 * message types, status codes. Start reading at {@code Frame}; PROTOCOL.md has the byte diagrams.
 * Pure: no thread, clock, socket, Netty.
 */
package io.cairn.storage.wire;
