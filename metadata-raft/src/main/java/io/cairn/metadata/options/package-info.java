/**
 * Settings of the roles: each role declares its options once, in one list, and reads them from a
 * file, the environment and the command line; a bad value stops the start with its name, its value
 * and its bound. Start reading at {@code OptionSet}. Imports nothing else of Cairn.
 */
package io.cairn.metadata.options;
