package io.cairn.storage.cache;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

/**
 * The index's policy beside others on generated traces; {@code -Dcairn.cache.figures=true} prints
 * the table of ADR 5. The others are as their papers have them, over blocks instead of slots.
 */
class PolicyComparisonTest {
  private static final int BLOCKS = 100_000;
  private static final int READS = 1_000_000;

  /** A cache, as a trace sees it. */
  private interface Policy {
    /** Whether the block was there. */
    boolean read(int block);

    /** Blocks that were written to the device. */
    long written();
  }

  private record Outcome(double hits, double writes) {}

  private static Outcome run(int[] trace, Policy policy) {
    int from = trace.length / 2;
    int hits = 0;
    long writtenBefore = 0;
    for (int i = 0; i < trace.length; i++) {
      if (i == from) {
        writtenBefore = policy.written();
      }
      hits += policy.read(trace[i]) && i >= from ? 1 : 0;
    }
    double reads = trace.length - from;
    return new Outcome(hits / reads, (policy.written() - writtenBefore) / reads);
  }

  /** Zipf by inversion of the sum, the ranks scattered over the blocks. */
  private static int[] zipf(double exponent, int length, Random random) {
    double[] sums = new double[BLOCKS];
    double sum = 0;
    for (int i = 0; i < BLOCKS; i++) {
      sum += 1 / Math.pow(i + 1, exponent);
      sums[i] = sum;
    }
    List<Integer> ranks = new ArrayList<>();
    for (int i = 0; i < BLOCKS; i++) {
      ranks.add(i);
    }
    Collections.shuffle(ranks, random);
    int[] trace = new int[length];
    for (int i = 0; i < length; i++) {
      int at = Arrays.binarySearch(sums, random.nextDouble() * sum);
      trace[i] = ranks.get(Math.min(BLOCKS - 1, at < 0 ? -at - 1 : at));
    }
    return trace;
  }

  private static Map<String, int[]> traces() {
    Map<String, int[]> traces = new LinkedHashMap<>();
    int[] zipf = zipf(0.99, READS, new Random(1));
    traces.put("Zipf 0.99", zipf);
    traces.put("Zipf 0.7", zipf(0.7, READS, new Random(2)));
    int[] scanned = zipf.clone();
    // Every other stretch of 50,000 reads is a scan of blocks that never come again.
    for (int i = 0, next = BLOCKS; i < READS; i++) {
      scanned[i] = i / 50_000 % 2 == 1 ? next++ : zipf[i];
    }
    traces.put("Zipf 0.99 and scans, half and half", scanned);
    int[] loop = new int[READS];
    for (int i = 0; i < READS; i++) {
      loop[i] = i % 15_000;
    }
    traces.put("loop of 1.5 times the cache", loop);
    int[] shifted = zipf.clone();
    for (int i = 0; i < READS; i++) {
      shifted[i] = (zipf[i] + i / 100_000 * 10_007) % BLOCKS;
    }
    traces.put("Zipf 0.99, another hot set each tenth", shifted);
    return traces;
  }

  private static final class Ours implements Policy {
    private final VolumeShares shares = new VolumeShares(50);
    private final VolumeShare volume = shares.of(1);
    private final CacheIndex index;
    private long written;

    Ours(int size) {
      index = new CacheIndex(size, shares);
    }

    @Override
    public boolean read(int block) {
      long key = CacheIndex.key(1, 0, 0, block);
      if (index.find(volume, key, 1) != CacheIndex.NONE) {
        return true;
      }
      if (index.wants(volume, key)) {
        index.fill(index.claim(volume), key, 1);
        written++;
      }
      return false;
    }

    @Override
    public long written() {
      return written;
    }
  }

  private static final class Lru implements Policy {
    private final int size;
    private final LinkedHashSet<Integer> blocks = new LinkedHashSet<>();
    private long written;

    Lru(int size) {
      this.size = size;
    }

    @Override
    public boolean read(int block) {
      boolean hit = blocks.remove(block);
      blocks.add(block);
      if (!hit) {
        written++;
        if (blocks.size() > size) {
          Iterator<Integer> eldest = blocks.iterator();
          eldest.next();
          eldest.remove();
        }
      }
      return hit;
    }

    @Override
    public long written() {
      return written;
    }
  }

  /** SIEVE (NSDI 2024): a queue, a bit, and a hand from the oldest to the newest. */
  private static final class Sieve implements Policy {
    private static final class Node {
      int block;
      boolean visited;
      Node older;
      Node newer;
    }

    private final int size;
    private final Map<Integer, Node> nodes = new HashMap<>();
    private Node newest;
    private Node oldest;
    private Node hand;
    private long written;

    Sieve(int size) {
      this.size = size;
    }

    @Override
    public boolean read(int block) {
      Node known = nodes.get(block);
      if (known != null) {
        known.visited = true;
        return true;
      }
      if (nodes.size() == size) {
        evict();
      }
      Node node = new Node();
      node.block = block;
      node.older = newest;
      if (newest != null) {
        newest.newer = node;
      }
      newest = node;
      oldest = oldest == null ? node : oldest;
      nodes.put(block, node);
      written++;
      return false;
    }

    private void evict() {
      Node node = hand == null ? oldest : hand;
      while (node.visited) {
        node.visited = false;
        node = node.newer == null ? oldest : node.newer;
      }
      hand = node.newer;
      nodes.remove(node.block);
      if (node.older == null) {
        oldest = node.newer;
      } else {
        node.older.newer = node.newer;
      }
      if (node.newer == null) {
        newest = node.older;
      } else {
        node.newer.older = node.older;
      }
    }

    @Override
    public long written() {
      return written;
    }
  }

  /** S3-FIFO (SOSP 2023): a tenth for what is new, ghosts, and the rest with reinsertion. */
  private static final class S3Fifo implements Policy {
    private final int size;
    private final ArrayDeque<Integer> small = new ArrayDeque<>();
    private final ArrayDeque<Integer> main = new ArrayDeque<>();
    private final LinkedHashSet<Integer> ghosts = new LinkedHashSet<>();
    private final Map<Integer, Integer> uses = new HashMap<>();
    private long written;

    S3Fifo(int size) {
      this.size = size;
    }

    @Override
    public boolean read(int block) {
      Integer known = uses.get(block);
      if (known != null) {
        uses.put(block, Math.min(3, known + 1));
        return true;
      }
      while (uses.size() >= size) {
        evict();
      }
      if (ghosts.remove(block)) {
        main.add(block);
      } else {
        small.add(block);
      }
      uses.put(block, 0);
      written++;
      return false;
    }

    private void evict() {
      if (small.size() >= size / 10 || main.isEmpty()) {
        int block = small.poll();
        if (uses.get(block) > 1) {
          main.add(block);
          uses.put(block, 0);
          written++;
        } else {
          uses.remove(block);
          ghosts.add(block);
          if (ghosts.size() > size * 9 / 10) {
            Iterator<Integer> eldest = ghosts.iterator();
            eldest.next();
            eldest.remove();
          }
        }
      } else {
        int block = main.poll();
        int left = uses.get(block);
        if (left > 0) {
          main.add(block);
          uses.put(block, left - 1);
          written++;
        } else {
          uses.remove(block);
        }
      }
    }

    @Override
    public long written() {
      return written;
    }
  }

  @Test
  void theChosenPolicyIsNotBehindTheOthersAndWritesFarLess() {
    Map<String, IntFunction<Policy>> policies = new LinkedHashMap<>();
    policies.put("ours", Ours::new);
    policies.put("S3-FIFO", S3Fifo::new);
    policies.put("SIEVE", Sieve::new);
    policies.put("LRU", Lru::new);
    boolean print = Boolean.getBoolean("cairn.cache.figures");
    traces()
        .forEach(
            (name, trace) -> {
              Map<String, Outcome> outcomes = new LinkedHashMap<>();
              policies.forEach(
                  (policy, make) -> outcomes.put(policy, run(trace, make.apply(BLOCKS / 10))));
              if (print) {
                StringBuilder line = new StringBuilder("| " + name);
                outcomes.forEach(
                    (policy, o) ->
                        line.append(String.format(" | %.3f / %.3f", o.hits(), o.writes())));
                System.out.println(line + " |");
              }
              Outcome ours = outcomes.get("ours");
              assertTrue(ours.hits() > outcomes.get("LRU").hits() - 0.02, name);
              assertTrue(ours.hits() > outcomes.get("S3-FIFO").hits() - 0.03, name);
              assertTrue(ours.writes() < outcomes.get("S3-FIFO").writes() / 2 + 0.001, name);
            });
  }
}
