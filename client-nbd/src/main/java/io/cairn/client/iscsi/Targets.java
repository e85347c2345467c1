package io.cairn.client.iscsi;

import io.cairn.client.scsi.LogicalUnit;
import java.util.List;

/** What a portal has to offer. Calls and answers on the connections' loop. */
public interface Targets {
  /** Names all targets that this initiator may see. */
  void list(Initiator initiator, Listing answer);

  /** Opens a target for one session. */
  void open(String targetName, Initiator initiator, Opening answer);

  /** The session that opened a target is over, or no longer waits. Nothing is told after this. */
  void close(Opening opening);

  /**
   * Where else all targets are served.
   *
   * @param address HOST:PORT.
   * @param group portal group tag.
   */
  record OtherPortal(String address, int group) {}

  /** The tag of the portal group here, 1 to 65535; 0 while it is not known. */
  int portalGroup();

  /** Hears the names. */
  interface Listing {
    /** All names, and where else they are served; empty when they cannot be had. */
    void names(List<String> names, List<OtherPortal> others);
  }

  /** Hears how opening ended. */
  interface Opening {
    /** The target serves, with this as LUN 0. */
    void opened(LogicalUnit unit);

    /**
     * It does not.
     *
     * @param loginStatus class and detail, section 11.13.5.
     */
    void refused(int loginStatus, String reason);

    /** A target that was opened serves no longer: the session ends. */
    void over();
  }
}
