/**
 * What the product does under the load of fio or of libiscsi, beside peers that do the same in the
 * same run. Start reading at {@code LoadCommand}, the command {@code cairn load}; {@code Row} says
 * what a client does, {@code Target} what it does it to, {@code Matrix} in which order, {@code
 * FioRun} and {@code IscsiRun} are one measurement, {@code Report} the table. Of the product it
 * imports the command line's errors and sizes only: what is measured is what users have. {@code
 * bench/docs/measuring.md} says what invalidates a figure.
 */
package io.cairn.bench.load;
