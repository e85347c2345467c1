/**
 * Files as the operating system has them, through the C library: direct and asynchronous writes,
 * reads that do not wait, holes. Linux only, 64 bits.
 */
package io.cairn.storage.device;
