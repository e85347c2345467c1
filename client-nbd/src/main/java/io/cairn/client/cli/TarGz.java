package io.cairn.client.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.zip.GZIPOutputStream;

/**
 * Writes a compressed archive of text files, as tar has it since POSIX.1-1988 (ustar). Each entry:
 *
 * <pre>
 * offset bytes
 *      0   100 name, of ASCII letters that need no quoting
 *    100    24 mode, owner, group: octal numbers of seven digits, each ended by a zero byte
 *    124    24 size and time of change: octal numbers of eleven digits
 *    148     8 sum of the header's bytes, these taken for blanks
 *    156     1 '0': a file
 *    257     8 "ustar", a zero byte, "00"
 *    512       content, filled up to a multiple of 512
 * </pre>
 */
final class TarGz implements AutoCloseable {
  /** Longest name of an entry. */
  static final int NAME_MAX = 99;

  private static final int BLOCK = 512;
  private static final int SUM_OFFSET = 148;
  private static final int SUM_LENGTH = 8;

  private final OutputStream out;
  private final long timeSeconds;

  /**
   * An empty archive.
   *
   * @param timeSeconds of change of all that is in it.
   */
  TarGz(OutputStream to, long timeSeconds) throws IOException {
    this.out = new GZIPOutputStream(to);
    this.timeSeconds = timeSeconds;
  }

  /** Adds a file; letters of its name that are not plain, or too many, are replaced or left out. */
  void add(String name, String text) throws IOException {
    byte[] content = text.getBytes(StandardCharsets.UTF_8);
    byte[] header = new byte[BLOCK];
    String plain = name.replaceAll("[^A-Za-z0-9._/-]", "_");
    put(header, 0, plain.length() <= NAME_MAX ? plain : plain.substring(0, NAME_MAX));
    put(header, 100, "0000644");
    put(header, 108, "0000000");
    put(header, 116, "0000000");
    put(header, 124, String.format("%011o", content.length));
    put(header, 136, String.format("%011o", timeSeconds));
    put(header, SUM_OFFSET, " ".repeat(SUM_LENGTH));
    put(header, 156, "0");
    put(header, 257, "ustar");
    put(header, 263, "00");
    int sum = 0;
    for (byte one : header) {
      sum += one & 0xff;
    }
    put(header, SUM_OFFSET, String.format("%06o", sum) + "\0 ");
    out.write(header);
    out.write(content);
    out.write(new byte[Math.floorMod(-content.length, BLOCK)]);
  }

  private static void put(byte[] header, int offset, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(bytes, 0, header, offset, bytes.length);
  }

  /** Ends the archive; two empty blocks say so. */
  @Override
  public void close() throws IOException {
    out.write(new byte[2 * BLOCK]);
    out.close();
  }
}
