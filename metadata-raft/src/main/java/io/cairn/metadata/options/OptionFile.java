package io.cairn.metadata.options;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Reads a file of settings: YAML, but flat, one {@code key: value} a line. */
final class OptionFile {
  /** A longer file is no file of settings. */
  static final int LENGTH_MAX_BYTES = 1 << 20;

  private static final YAMLFactory YAML = new YAMLFactory();

  private OptionFile() {}

  static Map<String, GivenOption> read(Path file) {
    Map<String, GivenOption> given = new LinkedHashMap<>();
    try (JsonParser parser = YAML.createParser(text(file))) {
      JsonToken first = parser.nextToken();
      if (first == null) {
        return given;
      }
      if (first != JsonToken.START_OBJECT) {
        throw refusal(file, parser, "expected lines of 'key: value'");
      }
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String key = parser.currentName();
        String source = source(file, parser);
        JsonToken value = parser.nextToken();
        if (!value.isScalarValue() || value == JsonToken.VALUE_NULL) {
          throw refusal(
              file,
              parser,
              "option "
                  + key
                  + (value == JsonToken.VALUE_NULL
                      ? " has no value"
                      : " is a structure; options are flat, and a list is written with commas"));
        }
        GivenOption earlier = given.put(key, new GivenOption(source, key, parser.getText()));
        if (earlier != null) {
          throw new OptionException(
              source + ": option " + key + " stands twice, first at " + earlier.source());
        }
      }
      if (parser.nextToken() != null) {
        throw refusal(file, parser, "expected one document, there is a second");
      }
      return given;
    } catch (JsonProcessingException e) {
      throw new OptionException(
          file
              + (e.getLocation() == null ? "" : ":" + e.getLocation().getLineNr())
              + ": not YAML: "
              + e.getOriginalMessage().lines().findFirst().orElse(""));
    } catch (IOException e) {
      throw new OptionException("cannot read " + file + ": " + e.getMessage());
    }
  }

  private static String text(Path file) throws IOException {
    try {
      if (Files.isDirectory(file)) {
        throw new OptionException("cannot read " + file + ": it is a directory");
      }
      byte[] bytes;
      try (var in = Files.newInputStream(file)) {
        bytes = in.readNBytes(LENGTH_MAX_BYTES + 1);
      }
      if (bytes.length > LENGTH_MAX_BYTES) {
        throw new OptionException(
            file + " is longer than " + Sizes.format(LENGTH_MAX_BYTES) + ": no file of settings");
      }
      return StandardCharsets.UTF_8.newDecoder().decode(java.nio.ByteBuffer.wrap(bytes)).toString();
    } catch (NoSuchFileException e) {
      throw new OptionException("cannot read " + file + ": there is no such file");
    } catch (AccessDeniedException e) {
      throw new OptionException("cannot read " + file + ": permission denied");
    } catch (CharacterCodingException e) {
      throw new OptionException("cannot read " + file + ": it is not UTF-8 text");
    }
  }

  private static String source(Path file, JsonParser parser) {
    return file + ":" + Math.max(1, parser.currentTokenLocation().getLineNr());
  }

  private static OptionException refusal(Path file, JsonParser parser, String why) {
    return new OptionException(source(file, parser) + ": " + why);
  }
}
