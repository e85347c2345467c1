/**
 * The seams between pure protocol code and its host: bytes, links, regions. The production forms
 * and the simulator's forms implement the same interfaces.
 *
 * <p>The interfaces here import nothing but the JDK's types and Agrona's buffers.
 */
package io.cairn.storage.env;
