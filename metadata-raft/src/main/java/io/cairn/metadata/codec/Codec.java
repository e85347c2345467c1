package io.cairn.metadata.codec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Event;
import io.cairn.metadata.command.Query;
import io.cairn.metadata.command.Reply;
import java.io.IOException;

/**
 * Turns the metadata's values into bytes and back. The first byte is the format version; what
 * follows is JSON whose members are the components of the record, with {@code "is"} naming the case
 * of a sealed type. A reader ignores members that it does not know and takes the default for those
 * that are missing, so that neighbours of one version up or down understand each other.
 */
public final class Codec {
  /** Version 1: the first. */
  public static final byte VERSION = 1;

  private static final ObjectMapper MAPPER =
      JsonMapper.builder()
          .enable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .defaultPropertyInclusion(
              JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, JsonInclude.Include.ALWAYS))
          .addMixIn(Command.class, Case.class)
          .addMixIn(Query.class, Case.class)
          .addMixIn(Reply.class, Case.class)
          .addMixIn(Event.class, Case.class)
          .build();

  static {
    for (Class<?> type : new Class<?>[] {Command.class, Query.class, Reply.class, Event.class}) {
      MAPPER.registerSubtypes(type.getPermittedSubclasses());
    }
  }

  private Codec() {}

  /** Names the case of a sealed type by the record's simple name. */
  @JsonTypeInfo(use = JsonTypeInfo.Id.SIMPLE_NAME, property = "is")
  private interface Case {}

  /** Encodes a value of one of the sealed types or one of the model's records. */
  public static byte[] encode(Object value) {
    try {
      byte[] json = MAPPER.writeValueAsBytes(value);
      byte[] bytes = new byte[json.length + 1];
      bytes[0] = VERSION;
      System.arraycopy(json, 0, bytes, 1, json.length);
      return bytes;
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("cannot encode " + value.getClass(), e);
    }
  }

  /**
   * Decodes.
   *
   * @param type the sealed type or the record.
   * @throws IllegalArgumentException when the bytes are no such value, saying why.
   */
  public static <T> T decode(byte[] bytes, Class<T> type) {
    if (bytes.length == 0 || bytes[0] != VERSION) {
      throw new IllegalArgumentException(
          "format version "
              + (bytes.length == 0 ? "(none)" : Byte.toString(bytes[0]))
              + " is not "
              + VERSION);
    }
    try {
      T value = MAPPER.readValue(bytes, 1, bytes.length - 1, type);
      if (value == null) {
        throw new IllegalArgumentException("null is no " + type.getSimpleName());
      }
      return value;
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "not a " + type.getSimpleName() + ": " + e.getMessage(), e);
    }
  }
}
