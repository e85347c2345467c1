package io.cairn.client.scsi;

import java.util.List;

/**
 * The ports through which a unit is seen, one per gateway, each a target port group of its own:
 * asymmetric access, SPC-4 5.16, moved by the gateways alone (implicit). Calls and answers on the
 * unit's loop.
 */
public interface TargetPorts {
  /** Asymmetric access states, SPC-4 table 279. */
  enum State {
    /** The unit's medium is used here. */
    ACTIVE(0x0),
    /** Another port is active; this one can become it. */
    STANDBY(0x2),
    /** Nobody answers there. */
    UNAVAILABLE(0x3),
    /** Between two of the others. */
    TRANSITIONING(0xf);

    final int code;

    State(int code) {
      this.code = code;
    }
  }

  /**
   * One port.
   *
   * @param number relative target port identifier, and number of its group.
   */
  record Port(int number, State state) {}

  /** The state of the port through which this unit is seen. */
  State state();

  /**
   * A command wants the medium: becomes active unless another gateway that lives is.
   *
   * @param decided runs once that is decided, possibly before the call returns.
   */
  void wanted(Runnable decided);

  /** Says how all ports are. */
  void report(Report answer);

  /** Hears how the ports are. */
  interface Report {
    /** All that are known, by number. */
    void ports(List<Port> ports);
  }
}
