/**
 * The kernel's NBD devices: connecting one to a gateway by generic netlink, keeping it connected
 * while gateways are restarted, and taking it away. The state is the kernel's alone: what is
 * attached is read from {@code /sys/block}. Start reading at {@code Attachments}. Linux only.
 */
package io.cairn.client.attach;
