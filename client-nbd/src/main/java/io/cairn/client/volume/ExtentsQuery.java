package io.cairn.client.volume;

import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.Reply;
import java.util.Arrays;

/**
 * Finds out where holes, zeroes and data are in a range of the volume, one page of blocks after the
 * other. It may answer for less than was asked: what was asked may be the whole volume.
 */
final class ExtentsQuery {
  /** Pages that replicas are asked for in one query: 4 MiB each. */
  static final int PAGES_MAX = 64;

  /** Extents in one answer, about. */
  static final int EXTENTS_MAX = 4096;

  private static final int BLOCK = Frame.BLOCK_BYTES;

  private final VolumeSession session;
  private final long end;
  private long at;
  private int pages;
  private boolean sawAbsent;
  private Runnable done;
  private long[] lengths = new long[16];
  private int[] kinds = new int[16];
  private int count;

  ExtentsQuery(VolumeSession session, long offset, long length) {
    this.session = session;
    this.at = offset;
    this.end = offset + length;
  }

  /** Begins; the action runs once there is something to answer. */
  void run(Runnable whenDone) {
    done = whenDone;
    go();
  }

  /** Whether a part of the answer is that a chunk does not exist. */
  boolean sawAbsent() {
    return sawAbsent;
  }

  void answer(VolumeIo.ExtentsCallback sink) {
    sink.done(lengths, kinds, count, null);
  }

  private void go() {
    long chunkBytes = session.chunkSizeBytes();
    while (at < end && pages < PAGES_MAX && count < EXTENTS_MAX) {
      int index = (int) (at / chunkBytes);
      OwnedChunk chunk = session.chunk(index);
      long chunkEnd = Math.min(end, (at / chunkBytes + 1) * chunkBytes);
      if (chunk != null) {
        page(chunk, at % chunkBytes, chunkEnd);
        return;
      }
      // A chunk whose allocation was not answered may exist: what may be data is no hole.
      boolean hole = !session.allocation.mayExist(index);
      sawAbsent |= hole;
      add(chunkEnd - at, hole ? Reply.EXTENT_HOLE : Reply.EXTENT_DATA);
    }
    done.run();
  }

  /** Under a shared claim: what was acknowledged is seen, what is under way is waited for. */
  private void page(OwnedChunk chunk, long inChunk, long chunkEnd) {
    pages++;
    int block = (int) (inChunk / BLOCK);
    long bytes = chunkEnd - at;
    int blocks = (int) Math.min(Frame.VERSIONS_MAX, (inChunk % BLOCK + bytes + BLOCK - 1) / BLOCK);
    chunk.ready(
        () -> {
          RangeLocks.Claim[] claim = new RangeLocks.Claim[1];
          claim[0] =
              new RangeLocks.Claim(
                  block,
                  blocks,
                  false,
                  () ->
                      ReadOp.extents(
                          chunk,
                          block,
                          blocks,
                          triples -> {
                            chunk.locks.release(claim[0]);
                            take(triples, inChunk, blocks, chunkEnd);
                          }));
          chunk.locks.acquire(claim[0]);
        },
        session.now());
  }

  private void take(int[] triples, long inChunk, int blocks, long chunkEnd) {
    long base = at - inChunk;
    if (triples == null) {
      // Nobody could tell: what is not known to be a hole is data.
      long pageEnd = Math.min(chunkEnd, base + (inChunk / BLOCK + blocks) * BLOCK);
      add(pageEnd - at, Reply.EXTENT_DATA);
    } else {
      for (int i = 0; i < triples.length; i += 3) {
        long extentEnd = Math.min(chunkEnd, base + (long) (triples[i] + triples[i + 1]) * BLOCK);
        if (extentEnd > at) {
          add(extentEnd - at, triples[i + 2]);
        }
      }
    }
    go();
  }

  private void add(long length, int kind) {
    at += length;
    if (count > 0 && kinds[count - 1] == kind) {
      lengths[count - 1] += length;
      return;
    }
    if (count == lengths.length) {
      lengths = Arrays.copyOf(lengths, 2 * count);
      kinds = Arrays.copyOf(kinds, 2 * count);
    }
    lengths[count] = length;
    kinds[count] = kind;
    count++;
  }
}
