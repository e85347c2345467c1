package io.cairn.client.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.cairn.client.nbd.Exports;
import io.cairn.client.volume.VolumeIo;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A volume serves the clients of one protocol at a time. */
class ExclusiveExportsTest {
  /** Opens whatever is asked for at once; the empty name means vol. */
  private static final class EveryVolume implements Exports {
    final List<Opening> open = new ArrayList<>();

    @Override
    public void list(Listing answer) {
      answer.names(List.of("vol"));
    }

    @Override
    public void describe(String name, Description answer) {
      answer.found(name, 1);
    }

    @Override
    public void open(String name, Opening answer) {
      open.add(answer);
      answer.opened(name.isEmpty() ? "vol" : name, null);
    }

    @Override
    public void close(Opening opening) {
      open.remove(opening);
    }
  }

  /** Keeps the last thing it heard. */
  private static final class Client implements Exports.Opening {
    String heard = "nothing";

    @Override
    public void opened(String name, VolumeIo io) {
      heard = "opened " + name;
    }

    @Override
    public void unknown(String reason) {
      heard = reason;
    }

    @Override
    public void refused(String reason) {
      heard = reason;
    }

    @Override
    public void over() {
      heard = "over";
    }
  }

  private final EveryVolume exports = new EveryVolume();
  private final ExclusiveExports.Uses uses = new ExclusiveExports.Uses();
  private final ExclusiveExports nbd = new ExclusiveExports(exports, "NBD", uses);
  private final ExclusiveExports iscsi = new ExclusiveExports(exports, "iSCSI", uses);

  private static Client open(ExclusiveExports over, String name) {
    Client client = new Client();
    over.open(name, client);
    return client;
  }

  @Test
  void anotherProtocolIsRefusedByNameWhileOneClientIsLeft() {
    Client first = open(nbd, "");
    Client second = open(nbd, "vol");
    String refusal =
        "volume vol is in use over NBD; it can be opened over iSCSI when no client is left there";
    assertEquals(refusal, open(iscsi, "vol").heard);
    nbd.close(first);
    assertEquals(refusal, open(iscsi, "vol").heard);
    nbd.close(second);
    nbd.close(second);
    assertEquals("opened vol", open(iscsi, "vol").heard);
    assertEquals(
        "volume vol is in use over iSCSI; it can be opened over NBD when no client is left there",
        open(nbd, "vol").heard);
    assertEquals(1, exports.open.size());
  }

  @Test
  void otherVolumesAreNotConcerned() {
    assertEquals("opened vol", open(nbd, "vol").heard);
    assertEquals("opened other", open(iscsi, "other").heard);
  }

  @Test
  void aVolumeThatIsOverIsFree() {
    Client client = open(iscsi, "vol");
    exports.open.getFirst().over();
    assertEquals("over", client.heard);
    assertEquals("opened vol", open(nbd, "vol").heard);
  }
}
