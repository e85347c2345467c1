/**
 * SCSI commands on one logical unit that is a volume: SAM-5, SPC-4 and SBC-3, whatever carries
 * them. Start reading at {@code LogicalUnit}, through which every command passes; {@code Command}
 * is the table of what there is, {@code BlockCommands} moves data, {@code Inquiry} and {@code
 * ModePages} describe the unit, {@code PersistentReservations} says who may do what. Pure: no
 * thread, clock or socket; a volume is used through {@code VolumeIo}.
 */
package io.cairn.client.scsi;
