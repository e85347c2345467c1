package io.cairn.client.attach;

import io.cairn.client.attach.Attachments.Attachment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/**
 * The volumes that are block devices of this host: attaching, keeping, detaching, listing. Every
 * call may be repeated, after whatever happened to the one before: it looks at what the kernel has
 * and does what is left to do.
 */
public final class HostDevices {
  private static final int CONNECT_MILLIS = 30_000;
  private static final int KEEPER_CONNECT_MILLIS = 5_000;

  private final Attachments attachments = Attachments.ofHost();
  private final Path runDirectory;

  /**
   * Those of this host.
   *
   * @param runDirectory where keepers say that they run.
   */
  public HostDevices(Path runDirectory) {
    this.runDirectory = runDirectory;
  }

  /**
   * A volume that is attached.
   *
   * @param device such as /dev/nbd0.
   * @param gateway where its connections go.
   * @param keeper the process that connects it anew when it must; empty when there is none.
   */
  public record Attached(
      String device, String volume, String gateway, long sizeBytes, OptionalLong keeper) {}

  /**
   * How a volume is to be attached.
   *
   * @param connections of which requests use the one whose processor they run on.
   * @param blockBytes smallest unit of the device's requests.
   * @param requestSeconds after which a request is sent again on another connection.
   * @param deadSeconds how long requests wait for the gateway to come back before they fail.
   */
  public record Wish(int connections, int blockBytes, int requestSeconds, int deadSeconds) {}

  private Attached attached(Attachment attachment) {
    var keeper = Keeper.of(runDirectory, attachment.index());
    return new Attached(
        attachment.device(),
        attachment.volume(),
        attachment.gateway().text(),
        attachment.sizeBytes(),
        keeper.isPresent() ? OptionalLong.of(keeper.get().pid()) : OptionalLong.empty());
  }

  /** What is attached. */
  public List<Attached> list() throws IOException {
    return attachments.all().stream().map(this::attached).toList();
  }

  /**
   * Attaches a volume, unless it is already.
   *
   * @param device such as /dev/nbd0, or null for any that is free.
   * @throws IOException when it is attached elsewhere, the device is taken, the gateway or the
   *     kernel refuses.
   */
  public Attached attach(String volume, String device, String gateway, Wish wish)
      throws IOException {
    var present = attachments.of(volume);
    if (present.isPresent()) {
      if (device != null && Attachments.index(device) != present.get().index()) {
        throw new IOException("volume " + volume + " is attached to " + present.get().device());
      }
      return attached(present.get());
    }
    int index = device == null ? -1 : Attachments.index(device);
    if (index >= 0 && attachments.isConnected(index)) {
      throw new IOException(
          device
              + attachments
                  .of(index)
                  .map(a -> " has volume " + a.volume())
                  .orElse(" is in use, and not by Cairn"));
    }
    GatewayAddress address = new GatewayAddress(gateway);
    try (NbdControl kernel = NbdControl.open()) {
      int made =
          new Connections(wish.connections(), CONNECT_MILLIS)
              .connect(
                  kernel,
                  index,
                  volume,
                  address,
                  new NbdControl.Behaviour(
                      wish.blockBytes(), wish.requestSeconds(), wish.deadSeconds()));
      var attachment = attachments.of(made);
      if (attachment.isEmpty()) {
        kernel.disconnect(made);
        throw new IOException(
            "the kernel is too old: it does not tell what /dev/nbd" + made + " is");
      }
      return attached(attachment.get());
    } catch (Posix.Failure e) {
      throw e.errno() == Posix.EPERM ? new IOException("attaching needs root", e) : e;
    }
  }

  /** Keeps a device connected until it is detached; returns when it is, or when another does. */
  public void keep(String device, int connections) throws IOException {
    new Keeper(
            attachments,
            new Connections(connections, KEEPER_CONNECT_MILLIS),
            runDirectory,
            Attachments.index(device))
        .run();
  }

  /**
   * Detaches a volume; does nothing when it is not attached.
   *
   * @param name a volume, or a device that begins with /dev/.
   * @param force detaches even what is mounted; requests then fail.
   * @return the device, or null when there was nothing to do.
   * @throws IOException when the device is in use.
   */
  public String detach(String name, boolean force) throws IOException {
    var present =
        Attachments.isDevice(name) ? attachments.of(Attachments.index(name)) : attachments.of(name);
    if (present.isEmpty()) {
      return null;
    }
    String device = present.get().device();
    if (!force && Files.exists(Path.of(device)) && Posix.isHeld(device)) {
      throw new IOException(device + " is in use; unmount it first");
    }
    try (NbdControl kernel = NbdControl.open()) {
      kernel.disconnect(present.get().index());
    }
    return device;
  }
}
