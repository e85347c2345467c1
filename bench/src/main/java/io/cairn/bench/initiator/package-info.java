/**
 * libiscsi's initiator, called in this process: an iSCSI client that nobody here wrote, for
 * measurements that Debian's fio, which is built without it, cannot make.
 */
package io.cairn.bench.initiator;
