package io.cairn.client.nbd;

import io.cairn.client.volume.VolumeIo;
import java.util.List;

/** What a server has to offer. Calls and answers on the connection's loop. */
public interface Exports {
  /** Names all exports. */
  void list(Listing answer);

  /** Looks an export up without taking it; the empty name asks for the default. */
  void describe(String name, Description answer);

  /** Opens an export for one connection; the empty name asks for the default. */
  void open(String name, Opening answer);

  /**
   * Opens an export by its name, provided that nobody has taken it since it was seen in that
   * generation.
   *
   * @param generation of the volume's ownership; -1 for whatever it is.
   */
  default void open(String name, long generation, Opening answer) {
    open(name, answer);
  }

  /**
   * The connection that opened an export with this answer is done with it, or no longer waits for
   * it. Nothing is told to the answer after this.
   */
  void close(Opening opening);

  /** Why an export or the list of them is not to be had. */
  interface Refusal {
    /** It may be there, but it is not to be had now. */
    void refused(String reason);
  }

  /** Hears the names. */
  interface Listing extends Refusal {
    void names(List<String> names);
  }

  /** Hears what an export is. */
  interface Description extends Refusal {
    /** The export's own name, and its size. */
    void found(String name, long sizeBytes);

    /** There is no such export. */
    void unknown(String reason);
  }

  /** Hears how opening ended. */
  interface Opening extends Refusal {
    /** The export serves. */
    void opened(String name, VolumeIo io);

    /** There is no such export. */
    void unknown(String reason);

    /** An export that was opened serves no longer: the connection ends. */
    void over();
  }
}
