package io.cairn.client.nbd;

import io.cairn.client.volume.VolumeIo;
import java.util.List;

/** What a server has to offer. Calls and answers on the connection's loop. */
public interface Exports {
  /** Names all exports. */
  void list(Listing answer);

  /** Opens an export for one connection; the empty name asks for the default. */
  void open(String name, Opening answer);

  /** Hears the names. */
  interface Listing {
    void names(List<String> names);
  }

  /** Hears how opening ended. */
  interface Opening {
    /** The export serves. */
    void opened(String name, VolumeIo io);

    /** There is no such export. */
    void unknown(String reason);

    /** There is one, but it is not to be had now. */
    void refused(String reason);
  }
}
