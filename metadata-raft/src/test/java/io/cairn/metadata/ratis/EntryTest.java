package io.cairn.metadata.ratis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.cairn.metadata.codec.Codec;
import io.cairn.metadata.command.Command;
import java.util.List;
import org.junit.jupiter.api.Test;

class EntryTest {
  @Test
  void keepsTheClientsLevelWhenTheLeaderCompletesIt() throws Exception {
    Entry sent = new Entry(7, 3, 2, new Command.InitCluster(5), List.of());
    Entry logged = Codec.decode(Codec.encode(sent.with(List.of(), 77)), Entry.class);
    assertEquals(new Entry(7, 3, 2, new Command.InitCluster(5), List.of(), 77L), logged);
    assertEquals(77, logged.takenMillis());
    assertEquals(0, Codec.decode(Codec.encode(sent), Entry.class).takenMillis());
  }

  /** Logs of the first release have none. */
  @Test
  void levelThatWasNotSaidIsZero() throws Exception {
    String now =
        new String(Codec.encode(new Entry(7, 3, 2, new Command.InitCluster(5), List.of())), UTF_8);
    String first = now.replace("\"level\":2,", "");
    assertEquals(now.length() - "\"level\":2,".length(), first.length(), now);
    assertEquals(0, Codec.decode(first.getBytes(UTF_8), Entry.class).level());
  }
}
