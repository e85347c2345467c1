/**
 * Durable bytes of commands, events, queries, replies and records: JSON by Jackson in a versioned
 * envelope, as FORMAT.md says. Start reading at {@code Codec}. Pure.
 */
package io.cairn.metadata.codec;
