package io.cairn.metadata.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.metadata.codec.Codec;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.CacheMode;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.VolumeRecord;
import io.cairn.metadata.model.VolumeTier;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class VolumeTierTest {
  private static final VolumeTier AROUND = new VolumeTier(CacheMode.WRITE_AROUND, false);

  private final MetadataMachine machine = new MetadataMachine(new TreeKeyValues());
  private long number;

  private Reply apply(Command command) {
    return machine.apply(1, ++number, command, List.of());
  }

  private void create(String name, VolumeTier tier) {
    apply(new Command.CreateVolume(name, 1L << 30, 0, 0, 0, Durability.FLUSH, tier));
  }

  private VolumeRecord set(CacheMode mode) {
    assertInstanceOf(Reply.Volume.class, apply(new Command.SetVolume("v", 0, 0, mode, null)));
    return machine.state().volume("v");
  }

  @Test
  void aClusterThatWasUpgradedTakesThemOnceItsLevelWasRaised() {
    apply(new Command.InitCluster(5));
    assertEquals(1, machine.state().level());
    create("v", AROUND);
    assertNull(machine.state().volume("v"));
    create("v", VolumeTier.USUAL);
    Command through = new Command.SetVolume("v", 0, 0, CacheMode.WRITE_THROUGH, null);
    assertTrue(((Reply.Refused) apply(through)).message().contains("need level 2"));
    assertEquals(VolumeTier.USUAL, set(CacheMode.WRITE_BACK).tiering());
    apply(new Command.RaiseLevel(2));
    assertEquals(CacheMode.WRITE_THROUGH, set(CacheMode.WRITE_THROUGH).tiering().mode());
  }

  @Test
  void aNewClusterHasTheLevelOfWhoeverMadeIt() {
    apply(new Command.InitCluster(5, 2));
    assertEquals(2, machine.state().level());
    apply(new Command.InitCluster(5, 3));
    assertEquals(2, machine.state().level(), "only the first one counts");
    create("v", AROUND);
    assertEquals(AROUND, machine.state().volume("v").tiering());
  }

  @Test
  void theUsualIsNotWrittenDown() {
    apply(new Command.InitCluster(5, 2));
    create("v", VolumeTier.USUAL);
    VolumeRecord usual = machine.state().volume("v");
    assertNull(usual.tier());
    VolumeRecord through = set(CacheMode.WRITE_THROUGH);
    assertTrue(
        new String(Codec.encode(through), StandardCharsets.UTF_8)
            .contains("\"tier\":{\"mode\":\"WRITE_THROUGH\",\"pinned\":false}"));
    assertEquals(through, Codec.decode(Codec.encode(through), VolumeRecord.class));
    assertEquals(
        through.tiering(), through.ownedBy(null, 3).sized(2L << 30).keeping(2, 1).tiering());
    assertEquals(usual, set(CacheMode.WRITE_BACK));
  }

  @Test
  void whatIsKeptOutOfTheReadCachesCannotBePinned() {
    apply(new Command.InitCluster(5, 2));
    create("v", AROUND);
    Command pin = new Command.SetVolume("v", 0, 0, null, true);
    assertTrue(((Reply.Refused) apply(pin)).message().contains("in mode write-around"));
    set(CacheMode.WRITE_THROUGH);
    assertInstanceOf(Reply.Volume.class, apply(pin));
    assertEquals(
        new VolumeTier(CacheMode.WRITE_THROUGH, true), machine.state().volume("v").tiering());
    assertInstanceOf(
        Reply.Refused.class, apply(new Command.SetVolume("v", 0, 0, CacheMode.WRITE_AROUND, null)));
    assertInstanceOf(
        Reply.Volume.class, apply(new Command.SetVolume("v", 0, 0, CacheMode.WRITE_AROUND, false)));
  }

  @Test
  void nodesAreToldOfTheVolumesThatTheyName() {
    apply(new Command.InitCluster(5, 2));
    create("v", null);
    create("w", AROUND);
    assertNull(MetadataQueries.tiers(machine.state(), List.of()), "as it is");
    assertEquals(
        List.of(new Reply.NamedTier(1, "v", VolumeTier.USUAL), new Reply.NamedTier(2, "w", AROUND)),
        MetadataQueries.tiers(machine.state(), List.of(1L, 2L, 77L)));
  }
}
