package io.cairn.client.gateway;

import io.cairn.client.nbd.Exports;
import io.cairn.client.volume.VolumeIo;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Map;

/**
 * The exports as the clients of one protocol see them. A volume serves one protocol at a time: what
 * a client of the other wrote would be unknown to the caches and the reservations of the first.
 */
final class ExclusiveExports implements Exports {
  /** Which protocol uses which volume; all views of a gateway share one. On the loop. */
  static final class Uses {
    private record Use(String protocol, int clients) {}

    private final Map<String, Use> volumes = new HashMap<>();

    /** Takes a volume for one more client; null, or the protocol that has it. */
    private String take(String volume, String protocol) {
      Use use = volumes.getOrDefault(volume, new Use(protocol, 0));
      if (!use.protocol.equals(protocol)) {
        return use.protocol;
      }
      volumes.put(volume, new Use(protocol, use.clients + 1));
      return null;
    }

    private void leave(String volume) {
      volumes.computeIfPresent(
          volume, (name, use) -> use.clients == 1 ? null : new Use(use.protocol, use.clients - 1));
    }
  }

  private final Exports exports;
  private final String protocol;
  private final Uses uses;
  private final Map<Opening, Taken> openings = new IdentityHashMap<>();

  ExclusiveExports(Exports exports, String protocol, Uses uses) {
    this.exports = exports;
    this.protocol = protocol;
    this.uses = uses;
  }

  @Override
  public void list(Listing answer) {
    exports.list(answer);
  }

  @Override
  public void describe(String name, Description answer) {
    exports.describe(name, answer);
  }

  @Override
  public void open(String name, Opening answer) {
    open(name, -1, answer);
  }

  @Override
  public void open(String name, long generation, Opening answer) {
    Taken taken = new Taken(answer);
    openings.put(answer, taken);
    exports.open(name, generation, taken);
  }

  @Override
  public void close(Opening opening) {
    Taken taken = openings.remove(opening);
    if (taken != null) {
      exports.close(taken);
      taken.leave();
    }
  }

  private final class Taken implements Opening {
    private final Opening answer;
    private String volume;

    Taken(Opening answer) {
      this.answer = answer;
    }

    @Override
    public void opened(String name, VolumeIo io) {
      String other = uses.take(name, protocol);
      if (other != null) {
        openings.remove(answer);
        exports.close(this);
        answer.refused(
            "volume "
                + name
                + " is in use over "
                + other
                + "; it can be opened over "
                + protocol
                + " when no client is left there");
        return;
      }
      volume = name;
      answer.opened(name, io);
    }

    @Override
    public void unknown(String reason) {
      openings.remove(answer);
      answer.unknown(reason);
    }

    @Override
    public void refused(String reason) {
      openings.remove(answer);
      answer.refused(reason);
    }

    @Override
    public void over() {
      openings.remove(answer);
      leave();
      answer.over();
    }

    private void leave() {
      if (volume != null) {
        uses.leave(volume);
        volume = null;
      }
    }
  }
}
