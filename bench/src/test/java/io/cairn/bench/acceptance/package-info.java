/**
 * What the project promises its users, tried from outside: the built launcher, real clients, real
 * processes. Failsafe runs these after the program is packaged, two classes at a time, as they wait
 * more than they work: each has clusters, directories and ports of its own, and bounds that hold on
 * a machine that does other things too. Only what measures the machine itself, in the long form
 * above all, has it alone: {@code @Tag("alone")}.
 */
package io.cairn.bench.acceptance;
