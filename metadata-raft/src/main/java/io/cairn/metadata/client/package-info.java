/**
 * The interface through which all other modules use the metadata. Start at {@code MetadataClient}.
 */
package io.cairn.metadata.client;
