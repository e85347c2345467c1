/**
 * The data directory of a server: its lock, and the file that says whose it is. Start reading at
 * {@code DataDirectory}. Imports nothing else of Cairn.
 */
package io.cairn.metadata.directory;
