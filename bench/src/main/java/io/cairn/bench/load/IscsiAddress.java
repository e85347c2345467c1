package io.cairn.bench.load;

/** A logical unit of an iSCSI target on a TCP port of this machine. */
record IscsiAddress(int port, String target, int lun) {}
