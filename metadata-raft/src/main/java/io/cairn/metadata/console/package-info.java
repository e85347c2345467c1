/**
 * The web console: one page with its script and style, which are resources of this room, and what
 * they ask for. Start reading at {@code Console}. It needs nothing from elsewhere and no framework.
 */
package io.cairn.metadata.console;
