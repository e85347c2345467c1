/**
 * The process of one metadata server: its options, its wiring, its meters. Start reading at {@code
 * MetadataServer}. Reaches Ratis only through {@code ratis}.
 */
package io.cairn.metadata.server;
