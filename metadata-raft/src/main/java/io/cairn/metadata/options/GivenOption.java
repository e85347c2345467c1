package io.cairn.metadata.options;

/**
 * A setting as it was written, before it is checked.
 *
 * @param source where it stands: FILE:LINE, a variable or a flag.
 */
record GivenOption(String source, String key, String text) {}
