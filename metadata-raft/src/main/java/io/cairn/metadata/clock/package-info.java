/** The time of day, which is read in one place only. */
package io.cairn.metadata.clock;
