package io.cairn.metadata.codec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Event;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.model.ChunkRecord;
import io.cairn.metadata.model.Durability;
import io.cairn.metadata.model.Replica;
import io.cairn.metadata.model.ReplicaState;
import io.cairn.metadata.model.VolumeRecord;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CodecTest {
  private final Random random = new Random(20);

  @ParameterizedTest
  @ValueSource(classes = {Command.class, Query.class, Reply.class, Event.class})
  void everyCaseOfEveryTypeComesBackEqual(Class<?> type) throws Exception {
    for (Class<?> record : type.getPermittedSubclasses()) {
      for (int i = 0; i < 20; i++) {
        Object value = random(record);
        assertEquals(value, Codec.decode(Codec.encode(value), type));
      }
    }
  }

  @Test
  void goldenBytesOfAChunkStay() {
    ChunkRecord chunk =
        new ChunkRecord(
            7,
            0,
            3,
            2,
            List.of(new Replica(1, ReplicaState.IN_SYNC), new Replica(2, ReplicaState.SYNCING)));
    assertEquals(
        "\u0001{\"epoch\":2,\"index\":3,\"layer\":0,\"replicas\":["
            + "{\"nodeId\":1,\"state\":\"IN_SYNC\"},{\"nodeId\":2,\"state\":\"SYNCING\"}],"
            + "\"volumeId\":7}",
        new String(Codec.encode(chunk), StandardCharsets.UTF_8));
  }

  @Test
  void goldenBytesOfACommandAndAnEventStay() {
    assertEquals(
        "\u0001{\"is\":\"AcquireVolume\",\"address\":\"h:1\",\"expectedGeneration\":-1,"
            + "\"gateway\":\"g\",\"instance\":4,\"name\":\"v\"}",
        new String(
            Codec.encode(new Command.AcquireVolume("v", "g", 4, "h:1", -1)),
            StandardCharsets.UTF_8));
    VolumeRecord volume = new VolumeRecord(1, "v", 4096, 1 << 20, 3, 2, Durability.FLUSH, 5, null);
    assertEquals(
        "\u0001{\"is\":\"VolumeStored\",\"volume\":{\"chunkSizeBytes\":1048576,"
            + "\"durability\":\"FLUSH\",\"generation\":5,\"minInSync\":2,\"name\":\"v\","
            + "\"replicas\":3,\"sizeBytes\":4096,\"volumeId\":1}}",
        new String(Codec.encode(new Event.VolumeStored(volume)), StandardCharsets.UTF_8));
  }

  @Test
  void membersOfALaterVersionAreIgnored() {
    byte[] later =
        "\u0001{\"is\":\"InitCluster\",\"clusterId\":9,\"colour\":\"red\"}"
            .getBytes(StandardCharsets.UTF_8);
    assertEquals(new Command.InitCluster(9), Codec.decode(later, Command.class));
  }

  @Test
  void garbageIsRefusedAndNeverBecomesAValue() {
    for (int i = 0; i < 10_000; i++) {
      byte[] garbage = new byte[random.nextInt(64)];
      random.nextBytes(garbage);
      if (garbage.length > 0) {
        garbage[0] = Codec.VERSION;
      }
      assertThrows(IllegalArgumentException.class, () -> Codec.decode(garbage, Command.class));
    }
    assertThrows(
        IllegalArgumentException.class,
        () -> Codec.decode("\u0002{}".getBytes(StandardCharsets.UTF_8), Command.class));
  }

  private Object random(Class<?> record) throws ReflectiveOperationException {
    RecordComponent[] components = record.getRecordComponents();
    Class<?>[] types = new Class<?>[components.length];
    Object[] values = new Object[components.length];
    for (int i = 0; i < components.length; i++) {
      types[i] = components[i].getType();
      values[i] = value(components[i].getGenericType());
    }
    var constructor = record.getDeclaredConstructor(types);
    constructor.setAccessible(true);
    return constructor.newInstance(values);
  }

  private Object value(Type type) throws ReflectiveOperationException {
    if (type instanceof ParameterizedType list) {
      List<Object> values = new ArrayList<>();
      for (int i = random.nextInt(3); i > 0; i--) {
        values.add(value(list.getActualTypeArguments()[0]));
      }
      return values;
    }
    Class<?> plain = (Class<?>) type;
    if (plain == long.class || plain == Long.class) {
      return random.nextLong();
    }
    if (plain == int.class || plain == Integer.class) {
      return random.nextInt();
    }
    if (plain == boolean.class || plain == Boolean.class) {
      return random.nextBoolean();
    }
    if (plain == String.class) {
      return "s" + random.nextInt(1000) + "\"ü\n";
    }
    if (plain.isEnum()) {
      return plain.getEnumConstants()[random.nextInt(plain.getEnumConstants().length)];
    }
    return random(plain);
  }
}
