/**
 * Which release a server is of, and what the servers of a cluster may use of it while they are
 * upgraded one at a time. Start reading at {@code Release}.
 */
package io.cairn.metadata.release;
