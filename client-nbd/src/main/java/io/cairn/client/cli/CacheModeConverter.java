package io.cairn.client.cli;

import io.cairn.metadata.model.CacheMode;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads cache modes for picocli. */
final class CacheModeConverter implements ITypeConverter<CacheMode> {
  @Override
  public CacheMode convert(String text) {
    CacheMode mode = CacheMode.of(text);
    if (mode == null) {
      throw new TypeConversionException(
          "'" + text + "' is none of write-back, write-through and write-around");
    }
    return mode;
  }
}
