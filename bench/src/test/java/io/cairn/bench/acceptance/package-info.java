/**
 * What the project promises its users, tried from outside: the built launcher, real clients, real
 * processes. Failsafe runs these after the program is packaged.
 */
package io.cairn.bench.acceptance;
