/**
 * {@code cairn dev}: a whole cluster on one machine, in one process or in one process per role.
 * Start reading at {@code DevCommand}; {@code DevLayout} says what the cluster consists of. Uses
 * the roles' entry classes and options, and nothing else of them.
 */
package io.cairn.client.dev;
