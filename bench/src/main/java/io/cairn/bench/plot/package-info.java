/**
 * Drawings as SVG, without a library: lines over two axes, and what other drawings share. Start
 * reading at {@code Plot}. Imports nothing of the product or of the other rooms.
 */
package io.cairn.bench.plot;
