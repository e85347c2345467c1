/**
 * Commands to the metadata, the events that they become, queries and replies: closed sets of plain
 * records. Start at {@code Command}, {@code Query} and {@code Reply}.
 */
package io.cairn.metadata.command;
