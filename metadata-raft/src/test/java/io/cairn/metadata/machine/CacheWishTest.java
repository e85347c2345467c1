package io.cairn.metadata.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.codec.Codec;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.CacheWish;
import io.cairn.metadata.model.NodeRecord;
import io.cairn.metadata.release.Release;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What an operator wants the cache tier of a node to be. */
class CacheWishTest {
  private final MetadataMachine machine = new MetadataMachine(new TreeKeyValues());
  private long number;

  private Reply apply(Command command) {
    return machine.apply(1, ++number, command, List.of());
  }

  private Reply register(long incarnation) {
    return apply(
        new Command.RegisterNode(
            5, 0, 101, "n", "h", 7000, "z", "r", "h", 1L << 40, 1, incarnation));
  }

  private NodeRecord node() {
    return machine.state().node(1);
  }

  private String refusal(Long journal, Long readCache) {
    Reply reply = apply(new Command.ResizeCache(1, new CacheWish(journal, readCache)));
    return assertInstanceOf(Reply.Refused.class, reply).message();
  }

  @Test
  void itStaysWithTheNodeUntilItIsTakenBack() {
    apply(new Command.InitCluster(5, Release.LEVEL_OF_CACHE_SIZES));
    register(1);
    assertEquals(CacheWish.NONE, node().wish());
    CacheWish wish = new CacheWish(1L << 30, 2L << 30);
    assertInstanceOf(Reply.Ok.class, apply(new Command.ResizeCache(1, wish)));
    assertEquals(wish, node().wish());
    assertEquals(node(), Codec.decode(Codec.encode(node()), NodeRecord.class));
    register(2);
    apply(new Command.FlushCache(1, true));
    assertEquals(wish, node().wish());
    apply(new Command.ResizeCache(1, CacheWish.NONE));
    assertFalse(
        new String(Codec.encode(node()), StandardCharsets.UTF_8).contains("cache"),
        "as before there were wishes");
  }

  @Test
  void whatNoNodeCanHaveIsRefusedWithTheBound() {
    apply(new Command.InitCluster(5, Release.LEVEL_OF_CACHE_SIZES));
    register(1);
    assertTrue(refusal((16L << 20) - 1, null).contains("16777215 bytes is outside 16MiB to 1TiB"));
    assertTrue(refusal((1L << 40) + 1, null).contains("outside"));
    assertTrue(refusal(null, 0L).contains("a read cache of 0 bytes is outside 1MiB"));
    assertTrue(refusal(null, (4L << 40) + 1).contains("outside"));
    Reply missing = apply(new Command.ResizeCache(9, CacheWish.NONE));
    assertTrue(((Reply.Refused) missing).message().contains("no node 9"));
  }

  @Test
  void aClusterThatIsBeingUpgradedDoesNotTakeIt() {
    apply(new Command.InitCluster(5, Release.LEVEL_OF_CACHE_SIZES - 1));
    register(1);
    assertTrue(refusal(1L << 30, null).contains("cairn upgrade --finalize"));
    apply(new Command.RaiseLevel(Release.LEVEL_OF_CACHE_SIZES));
    assertInstanceOf(
        Reply.Ok.class, apply(new Command.ResizeCache(1, new CacheWish(1L << 30, null))));
  }
}
