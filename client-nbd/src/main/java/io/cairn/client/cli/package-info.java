/**
 * The command {@code cairn}: one class per verb. Start reading at {@code Cairn}. Talks to the
 * cluster through the metadata client only.
 */
package io.cairn.client.cli;
