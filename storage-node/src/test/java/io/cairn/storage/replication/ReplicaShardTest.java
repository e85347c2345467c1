package io.cairn.storage.replication;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.cairn.storage.env.Dialer;
import io.cairn.storage.env.Link;
import io.cairn.storage.env.Payload;
import io.cairn.storage.wire.CopyPace;
import io.cairn.storage.wire.Crc32c;
import io.cairn.storage.wire.Frame;
import io.cairn.storage.wire.MessageType;
import io.cairn.storage.wire.Reply;
import io.cairn.storage.wire.Request;
import io.cairn.storage.wire.Status;
import io.cairn.storage.wire.Version;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

class ReplicaShardTest {
  private static final long CLUSTER = 77;
  private static final long VOLUME = 9;
  private static final int BLOCKS = 64;
  private static final ReplicaLimits LIMITS =
      new ReplicaLimits(8, 4, 1 << 20, 1 << 20, 2, Frame.VERSIONS_MAX, 5_000_000_000L);

  private final Request request = new Request(CLUSTER);
  private final UnsafeBuffer buffer = new UnsafeBuffer(new byte[Frame.HEADER_BYTES_MAX]);
  private final Crc32c crc = new Crc32c();
  private final ArrayDeque<Runnable> network = new ArrayDeque<>();
  private final List<HeapPayload> payloads = new ArrayList<>();
  private final Node source = new Node(1);
  private final Node joiner = new Node(2);
  private long now = 1;
  private long linkIds;
  private long requestIds;
  private boolean sourceCut;
  private Random sourceGarbage;

  /** A replica with one shard, and what it answered. */
  private final class Node {
    final long id;
    final MemoryStore store = new MemoryStore();
    ReplicaShard shard;

    Node(long id) {
      this.id = id;
      start();
    }

    void start() {
      PeerLinks peers =
          new PeerLinks() {
            @Override
            public int shardCount(long nodeId) {
              return nodeId == 1 ? 1 : 0;
            }

            @Override
            public void connect(String host, int port, Dialer.Handler handler) {
              dial(handler);
            }
          };
      shard = new ReplicaShard(CLUSTER, id, 1, 0, 1, store, peers, LIMITS);
    }

    void sync() {
      store.synced();
      shard.onDurable(store.durableLsn());
    }

    Client client(long clientId, long connection) {
      Client client = new Client(this);
      shard.onLinkOpen(client);
      client.send(
          request.hello(buffer, 0, ++requestIds, id, clientId, connection, 0, Request.ROLE_GATEWAY),
          null);
      return client;
    }

    Client owner(long generation) {
      Client owner = client(5, ++linkIds);
      owner.generation = generation;
      owner.bare(MessageType.FENCE);
      sync();
      assertEquals(Status.OK, owner.last());
      owner.create();
      return owner;
    }
  }

  /** The gateway's end of a link; also the link that the shard sends to. */
  private final class Client implements Link {
    final Node node;
    final long id = ++linkIds;
    final List<byte[]> replies = new ArrayList<>();
    long generation = 1;
    boolean open = true;
    int resumed;

    Client(Node node) {
      this.node = node;
    }

    @Override
    public long id() {
      return id;
    }

    @Override
    public void send(DirectBuffer header, int offset, int length, Payload payload) {
      byte[] copy = new byte[length];
      header.getBytes(offset, copy);
      replies.add(copy);
    }

    @Override
    public void resume() {
      resumed++;
    }

    @Override
    public boolean isOpen() {
      return open;
    }

    @Override
    public void close() {
      open = false;
    }

    void send(int length, Payload payload) {
      node.shard.onFrame(this, buffer, 0, length, payload, now);
    }

    UnsafeBuffer reply() {
      return new UnsafeBuffer(replies.getLast());
    }

    Status last() {
      return Status.ofCode(Frame.status(reply(), 0));
    }

    void bare(int type) {
      send(request.bare(buffer, 0, type, ++requestIds, node.id, VOLUME, 0, 0, generation), null);
    }

    void create() {
      send(
          request.create(buffer, 0, ++requestIds, node.id, VOLUME, 0, 0, generation, BLOCKS), null);
    }

    void write(long sequence, int block, int value) {
      write(0, sequence, block, value, 0);
    }

    void write(int flags, long sequence, int block, int value, int damage) {
      byte[] bytes = new byte[Frame.BLOCK_BYTES];
      Arrays.fill(bytes, (byte) value);
      HeapPayload payload = HeapPayload.of(bytes);
      payloads.add(payload);
      Request.putCrc(buffer, 0, 0, crc.of(new UnsafeBuffer(bytes), 0, Frame.BLOCK_BYTES) + damage);
      long version = Version.of(generation, sequence);
      int length =
          request.write(
              buffer, 0, flags, ++requestIds, node.id, VOLUME, 0, 0, generation, version, block, 1);
      send(length, payload);
      payload.release();
    }

    void writeZeroBlocks(long sequence, int count) {
      HeapPayload payload = HeapPayload.of(new byte[count * Frame.BLOCK_BYTES]);
      payloads.add(payload);
      for (int i = 0; i < count; i++) {
        Request.putCrc(buffer, 0, i, Crc32c.ZERO_BLOCK);
      }
      long version = Version.of(generation, sequence);
      int length =
          request.write(
              buffer, 0, 0, ++requestIds, node.id, VOLUME, 0, 0, generation, version, 0, count);
      send(length, payload);
      payload.release();
    }

    void read(int block) {
      range(MessageType.READ, block, 1, 0);
    }

    void range(int type, int block, int count, long minLast) {
      send(
          request.range(
              buffer,
              0,
              type,
              0,
              ++requestIds,
              node.id,
              VOLUME,
              0,
              0,
              generation,
              block,
              count,
              minLast),
          null);
    }

    void catchUp(long base, long attempt) {
      catchUp(base, attempt, CopyPace.UNBOUNDED);
    }

    void catchUp(long base, long attempt, int copyPace) {
      catchUp(base, attempt, copyPace, 0);
    }

    void catchUp(long base, long attempt, int copyPace, int options) {
      send(
          request.catchUp(
              buffer,
              0,
              ++requestIds,
              node.id,
              VOLUME,
              0,
              0,
              generation,
              base,
              attempt,
              source.id,
              BLOCKS,
              "source",
              1,
              copyPace,
              options),
          null);
    }
  }

  /** Connects the joiner to the source; frames go by way of the queue. */
  private void dial(Dialer.Handler handler) {
    Link[] ends = new Link[2];
    boolean[] open = {true};
    long id = ++linkIds;
    for (int end = 0; end < 2; end++) {
      boolean toSource = end == 0;
      ends[end] =
          new Link() {
            @Override
            public long id() {
              return id;
            }

            @Override
            public void send(DirectBuffer header, int offset, int length, Payload payload) {
              byte[] copy = new byte[length];
              header.getBytes(offset, copy);
              Payload kept = payload == null ? null : payload.slice(0, payload.length());
              network.add(
                  () -> {
                    UnsafeBuffer frame = new UnsafeBuffer(copy);
                    if (open[0] && !sourceCut) {
                      if (toSource) {
                        source.shard.onFrame(ends[1], frame, 0, length, kept, now);
                      } else {
                        int received = spoil(frame, length);
                        handler.onFrame(frame, 0, received, kept, now);
                      }
                    }
                    if (kept != null) {
                      kept.release();
                    }
                  });
            }

            @Override
            public boolean isOpen() {
              return open[0];
            }

            @Override
            public void close() {
              if (open[0]) {
                open[0] = false;
                network.add(() -> source.shard.onLinkClosed(ends[1]));
                network.add(() -> handler.onClosed(now));
              }
            }
          };
    }
    source.shard.onLinkOpen(ends[1]);
    network.add(() -> handler.onOpen(ends[0], now));
  }

  /** Sometimes changes a frame behind its prefix, or cuts its header short. */
  private int spoil(UnsafeBuffer frame, int length) {
    if (sourceGarbage == null || sourceGarbage.nextInt(4) != 0) {
      return length;
    }
    int received =
        sourceGarbage.nextBoolean() ? length : 32 + sourceGarbage.nextInt(length / 8) * 8;
    received = Math.min(received, length);
    frame.putByte(
        Frame.PREFIX_BYTES + sourceGarbage.nextInt(length - Frame.PREFIX_BYTES),
        (byte) sourceGarbage.nextInt());
    if (sourceGarbage.nextBoolean()) {
      frame.putByte(8, (byte) (sourceGarbage.nextInt(14) | MessageType.REPLY));
    }
    // As a decoder would hand it on: no byte behind the header can be read.
    frame.wrap(frame, 0, received);
    return received;
  }

  private void deliver() {
    while (!network.isEmpty()) {
      network.remove().run();
    }
  }

  private void assertNoPayloadLeaked() {
    for (HeapPayload payload : payloads) {
      assertEquals(0, payload.references());
    }
  }

  private void assertEqualReplicas() {
    MemoryStore.Chunk a = source.store.chunk(0);
    MemoryStore.Chunk b = joiner.store.chunk(0);
    assertTrue(Arrays.equals(a.versions, b.versions));
    for (int i = 0; i < BLOCKS; i++) {
      assertTrue(Arrays.equals(a.blocks[i], b.blocks[i]), "block " + i);
    }
    assertEquals(a.lastVersion, b.lastVersion);
    assertFalse(b.syncing);
  }

  @Test
  void aFenceIsAnsweredOnlyWhenItIsDurable() {
    Client client = source.client(5, 1);
    client.bare(MessageType.FENCE);
    assertEquals(1, client.replies.size(), "only HELLO is answered");
    client.bare(MessageType.FENCE);
    assertEquals(1, client.replies.size(), "an equal fence waits as well");
    source.sync();
    assertEquals(3, client.replies.size());
  }

  @Test
  void anOlderGenerationIsStaleAndANewerOneNotFenced() {
    Client owner = source.owner(3);
    owner.generation = 2;
    for (int type : new int[] {MessageType.FENCE, MessageType.PING, MessageType.OPEN}) {
      owner.bare(type);
      assertEquals(Status.STALE_GENERATION, owner.last());
      assertEquals(3, Reply.detail(owner.reply(), 0));
    }
    owner.write(1, 0, 1);
    assertEquals(Status.STALE_GENERATION, owner.last());
    owner.generation = 4;
    owner.read(0);
    assertEquals(Status.NOT_FENCED, owner.last());
    assertEquals(2, source.shard.counters().refusals(Status.STALE_GENERATION) / 2);
  }

  @Test
  void sequencesAreDenseAndDuplicatesAreKnown() {
    Client owner = source.owner(1);
    owner.write(2, 0, 2);
    assertEquals(Status.GAP, owner.last());
    owner.write(1, 0, 1);
    owner.write(2, 0, 2);
    assertEquals(Status.OK, owner.last());
    owner.write(1, 0, 99);
    assertEquals(Status.OK, owner.last(), "a resend is already here");
    assertEquals(2, source.store.chunk(0).blocks[0][0], "and does not overwrite");
    assertEquals(Version.of(1, 2), Reply.lastVersion(owner.reply(), 0));
    assertNoPayloadLeaked();
  }

  @Test
  void aSequenceBelowAnotherGenerationsTailIsRefusedNotTakenForADuplicate() {
    Client owner = source.owner(1);
    owner.write(1, 0, 1);
    owner.write(2, 0, 2);
    Client next = source.owner(2);
    next.write(2, 0, 3);
    assertEquals(Status.GAP, next.last());
    next.write(3, 0, 3);
    assertEquals(Status.OK, next.last());
  }

  @Test
  void aPayloadThatFailsItsChecksumIsNotStored() {
    Client owner = source.owner(1);
    owner.write(0, 1, 0, 1, 1);
    assertEquals(Status.CORRUPT, owner.last());
    assertEquals(0, source.store.chunk(0).lastVersion);
  }

  @Test
  void aWriteNeverCreatesAChunk() {
    Client owner = source.client(5, 1);
    owner.bare(MessageType.FENCE);
    source.sync();
    owner.write(1, 0, 1);
    assertEquals(Status.ABSENT, owner.last());
    owner.bare(MessageType.OPEN);
    assertEquals(Reply.STATE_ABSENT, Reply.openState(owner.reply(), 0));
    owner.create();
    owner.create();
    assertEquals(Status.OK, owner.last(), "creating an empty chunk again is fine");
    owner.write(1, 0, 1);
    owner.create();
    assertEquals(Status.EXISTS, owner.last());
  }

  @Test
  void aDurableWriteIsAnsweredOnlyWhenDurableAndOthersArePushed() {
    Client owner = source.owner(1);
    source.sync();
    int before = owner.replies.size();
    owner.write(Frame.FLAG_DURABLE, 1, 0, 1, 0);
    assertEquals(before, owner.replies.size());
    source.sync();
    assertEquals(before + 1, owner.replies.size(), "the reply itself says what is durable");
    owner.write(2, 0, 2);
    source.sync();
    assertEquals(MessageType.DURABLE, Frame.type(owner.reply(), 0));
    assertEquals(source.store.appendedLsn(), Reply.durableLsn(owner.reply(), 0));
  }

  @Test
  void writesWaitInOrderWhileTheJournalIsFull() {
    Client owner = source.owner(1);
    source.store.full = true;
    int before = owner.replies.size();
    owner.write(1, 0, 1);
    owner.write(2, 0, 2);
    assertEquals(before, owner.replies.size());
    source.store.full = false;
    source.shard.onRoom();
    assertEquals(before + 2, owner.replies.size());
    assertEquals(2, source.store.chunk(0).blocks[0][0]);
    assertNoPayloadLeaked();
  }

  @Test
  void writesThatWaitAreRefusedOnceTheCapacityDeviceIsFull() {
    Client owner = source.owner(1);
    source.store.full = true;
    int before = owner.replies.size();
    owner.write(1, 0, 1);
    assertEquals(before, owner.replies.size());
    source.store.capacityFull = true;
    source.shard.onRoom();
    assertEquals(Status.NO_SPACE, owner.last());
    owner.write(1, 0, 1);
    assertEquals(Status.NO_SPACE, owner.last());
    source.store.full = false;
    owner.write(1, 0, 2);
    assertEquals(Status.OK, owner.last(), "what the journal still takes is taken");
    assertEquals(2, source.store.chunk(0).blocks[0][0]);
    assertNoPayloadLeaked();
  }

  @Test
  void whoParksMoreThanTheLimitIsCutAndItsWritesAreForgotten() {
    Client owner = source.owner(1);
    source.store.full = true;
    for (int i = 1; i <= LIMITS.parkedMax() + 1; i++) {
      owner.write(i, 0, i);
    }
    assertFalse(owner.open);
    source.store.full = false;
    source.shard.onRoom();
    assertEquals(0, source.store.chunk(0).lastVersion);
    assertNoPayloadLeaked();
  }

  @Test
  void aLinkWithManyReadsUnderWayIsNotReadUntilSomeAreAnswered() {
    Client owner = source.owner(1);
    source.store.slowReads = true;
    for (int i = 0; i < LIMITS.readBytesMax() / BLOCKS / Frame.BLOCK_BYTES; i++) {
      assertTrue(source.shard.takesMore(owner));
      owner.range(MessageType.READ, 0, BLOCKS, 0);
    }
    assertFalse(source.shard.takesMore(owner));
    assertEquals(0, owner.resumed);
    source.store.finishReads();
    assertEquals(1, owner.resumed);
    assertTrue(source.shard.takesMore(owner));
  }

  @Test
  void whoHasParkedIsNotReadWhileAllTogetherHaveParkedTooMuch() {
    Client first = source.owner(1);
    source.store.full = true;
    first.write(1, 0, 1);
    assertTrue(source.shard.takesMore(first));
    Client hog = source.client(77, 1);
    for (int i = 1; i <= LIMITS.parkedBytesMax() / BLOCKS / Frame.BLOCK_BYTES; i++) {
      hog.writeZeroBlocks(i, BLOCKS);
    }
    Client idle = source.client(78, 1);
    assertFalse(source.shard.takesMore(first));
    assertFalse(source.shard.takesMore(hog));
    assertTrue(source.shard.takesMore(idle));
    source.shard.onLinkClosed(hog);
    assertEquals(1, first.resumed);
    assertTrue(source.shard.takesMore(first));
    source.store.full = false;
    source.shard.onRoom();
    assertEquals(Status.OK, first.last());
  }

  @Test
  void aNewConnectionOfAClientEndsItsOlderOnesAndTheirParkedWrites() {
    Client old = source.owner(1);
    source.store.full = true;
    old.write(1, 0, 1);
    source.client(5, 1000);
    assertFalse(old.open);
    source.store.full = false;
    source.shard.onRoom();
    assertEquals(0, source.store.chunk(0).lastVersion);
    Client late = source.client(5, 999);
    assertFalse(late.open, "an older connection that comes late is turned away");
    assertNoPayloadLeaked();
  }

  @Test
  void aParkedWriteOfAFencedOwnerIsRefused() {
    Client old = source.owner(1);
    source.store.full = true;
    old.write(1, 0, 1);
    source.store.appendFence(VOLUME, 2);
    source.store.full = false;
    source.shard.onRoom();
    assertEquals(Status.STALE_GENERATION, old.last());
    assertEquals(0, source.store.chunk(0).lastVersion);
  }

  @Test
  void aReadThatWasOvertakenByAFenceIsNotAnswered() {
    Client owner = source.owner(1);
    owner.write(1, 0, 1);
    source.store.slowReads = true;
    owner.read(0);
    source.store.appendFence(VOLUME, 2);
    source.store.finishReads();
    assertEquals(Status.STALE_GENERATION, owner.last());
  }

  @Test
  void aRottenBlockIsUnreadableAndNamed() {
    Client owner = source.owner(1);
    owner.write(1, 3, 1);
    source.store.rot(0, 3);
    owner.range(MessageType.READ, 0, 8, 0);
    assertEquals(Status.UNREADABLE, owner.last());
    assertEquals(3, Reply.detail(owner.reply(), 0));
  }

  @Test
  void rangesOutsideTheChunkAreInvalid() {
    Client owner = source.owner(1);
    owner.write(1, BLOCKS, 1);
    assertEquals(Status.INVALID, owner.last());
    for (int type : new int[] {MessageType.READ, MessageType.VERSIONS, MessageType.EXTENTS}) {
      owner.range(type, BLOCKS - 1, 2, 0);
      assertEquals(Status.INVALID, owner.last());
    }
  }

  @Test
  void aRequestForAnotherNodeOrClusterIsRefused() {
    Client owner = source.owner(1);
    owner.send(request.bare(buffer, 0, MessageType.PING, 1, 42, VOLUME, 0, 0, 1), null);
    assertEquals(Status.WRONG_NODE, owner.last());
    owner.send(new Request(78).bare(buffer, 0, MessageType.PING, 1, 1, VOLUME, 0, 0, 1), null);
    assertEquals(Status.WRONG_CLUSTER, owner.last());
  }

  @Test
  void aFailedDeviceEndsLinksAndRefusesWhoComesBack() {
    Client owner = source.owner(1);
    source.shard.onFailed("fsync");
    assertFalse(owner.open);
    Client again = source.client(5, 1000);
    again.write(1, 0, 1);
    assertEquals(Status.DEVICE_FAILED, again.last());
  }

  @Test
  void aSyncBeyondTheEndOfTheJournalIsInvalid() {
    Client owner = source.owner(1);
    long beyond = source.store.appendedLsn() + 1;
    owner.send(request.sync(buffer, 0, ++requestIds, source.id, beyond), null);
    assertEquals(Status.INVALID, owner.last());
  }

  @Test
  void aShortReplicaPullsOnlyTheBlocksThatDiffer() {
    Client atSource = source.owner(1);
    Client atJoiner = joiner.owner(1);
    for (int i = 1; i <= 20; i++) {
      atSource.write(i, i, i);
      if (i <= 10) {
        atJoiner.write(i, i, i);
      }
    }
    atJoiner.catchUp(Version.of(1, 20), 1);
    atJoiner.read(0);
    assertEquals(Status.SYNCING, atJoiner.last(), "it serves no reads meanwhile");
    deliver();
    joiner.sync();
    assertEquals(Status.OK, atJoiner.last());
    assertEquals(10, joiner.shard.counters().catchUpBlocks());
    assertEqualReplicas();
  }

  /** Blocks 0 to 19 are at the source only, and it cannot read two of them. */
  private Client joinerOfASourceWithTwoBadBlocks() {
    Client atSource = source.owner(1);
    Client atJoiner = joiner.owner(1);
    for (int i = 1; i <= 20; i++) {
      atSource.write(i, i - 1, i);
    }
    source.store.rot(0, 3);
    source.store.rot(0, 17);
    return atJoiner;
  }

  @Test
  void aSourceThatCannotReadSomeBlocksGivesAllOthersAndSaysHowManyAreLeft() {
    Client atJoiner = joinerOfASourceWithTwoBadBlocks();
    atJoiner.catchUp(Version.of(1, 20), 1);
    deliver();
    assertEquals(Status.SOURCE_FAILED, atJoiner.last());
    assertEquals(2, Reply.lastVersion(atJoiner.reply(), 0));
    assertEquals(18, Reply.detail(atJoiner.reply(), 0));
    assertEquals(18, blocksOfJoiner());
    assertTrue(joiner.store.chunk(0).syncing(), "it does not count yet");
  }

  @Test
  void whatNoSourceCanReadIsUnreadableHereTooUntilItIsWritten() {
    Client atJoiner = joinerOfASourceWithTwoBadBlocks();
    atJoiner.catchUp(Version.of(1, 20), 1, CopyPace.UNBOUNDED, Request.OPTION_LEAVE_UNREADABLE);
    deliver();
    joiner.sync();
    assertEquals(Status.OK, atJoiner.last());
    assertArrayEquals(source.store.chunk(0).versions, joiner.store.chunk(0).versions);
    for (int block : new int[] {3, 17}) {
      atJoiner.read(block);
      assertEquals(Status.UNREADABLE, atJoiner.last());
      assertEquals(block, Reply.detail(atJoiner.reply(), 0));
    }
    atJoiner.read(4);
    assertEquals(Status.OK, atJoiner.last());
    atJoiner.write(21, 3, 99);
    atJoiner.read(3);
    assertEquals(Status.OK, atJoiner.last());
  }

  @Test
  void whatTheSourceCannotReadIsNotLeftWhereANewerWriteCameMeanwhile() {
    Client atJoiner = joinerOfASourceWithTwoBadBlocks();
    atJoiner.catchUp(Version.of(1, 20), 1, CopyPace.UNBOUNDED, Request.OPTION_LEAVE_UNREADABLE);
    atJoiner.write(21, 3, 99);
    deliver();
    joiner.sync();
    atJoiner.read(3);
    assertEquals(Status.OK, atJoiner.last());
    atJoiner.read(17);
    assertEquals(Status.UNREADABLE, atJoiner.last());
  }

  private int blocksOfJoiner() {
    int count = 0;
    for (byte[] block : joiner.store.chunk(0).blocks) {
      count += block[0] == 0 ? 0 : 1;
    }
    return count;
  }

  private void pass(long millis) {
    for (long i = 0; i < millis; i++) {
      now += 1_000_000;
      joiner.shard.onTimer(now);
      deliver();
    }
  }

  private void ping(Client client, int copyPace) {
    client.send(
        request.ping(buffer, 0, ++requestIds, client.node.id, VOLUME, client.generation, copyPace),
        null);
  }

  @Test
  void whatCatchesUpKeepsItsPaceAndHearsOfAnother() {
    Client atSource = source.owner(1);
    Client atJoiner = joiner.owner(1);
    for (int i = 1; i <= 32; i++) {
      atSource.write(i, 2 * i - 1, i);
    }
    atJoiner.catchUp(Version.of(1, 32), 1, CopyPace.ofRate(64 << 10));
    deliver();
    pass(500);
    // 16 blocks a second, and one or two for the first and for late timers.
    assertTrue(blocksOfJoiner() >= 8 && blocksOfJoiner() <= 10, blocksOfJoiner() + " blocks");
    ping(atJoiner, CopyPace.ofRate(128 << 10));
    int before = blocksOfJoiner();
    pass(500);
    int copied = blocksOfJoiner() - before;
    assertTrue(copied >= 15 && copied <= 18, copied + " blocks");
    pass(1000);
    joiner.sync();
    assertEquals(Status.OK, atJoiner.last());
    assertEqualReplicas();
  }

  @Test
  void whatWasBegunWithoutAPaceGetsNone() {
    Client atSource = source.owner(1);
    Client atJoiner = joiner.owner(1);
    for (int i = 1; i <= 32; i++) {
      atSource.write(i, 2 * i - 1, i);
    }
    atJoiner.catchUp(Version.of(1, 32), 1);
    ping(atJoiner, CopyPace.ofRate(64 << 10));
    deliver();
    joiner.sync();
    assertEquals(32, blocksOfJoiner());
    assertEqualReplicas();
  }

  @Test
  void aDivergentTailIsRolledBackToTheSource() {
    Client old = source.owner(1);
    Client oldAtJoiner = joiner.owner(1);
    old.write(1, 0, 1);
    oldAtJoiner.write(1, 0, 1);
    oldAtJoiner.write(2, 0, 66);
    oldAtJoiner.write(3, 5, 66);
    source.owner(2);
    Client atJoiner = joiner.owner(2);
    atJoiner.catchUp(Version.of(1, 1), 1);
    deliver();
    joiner.sync();
    assertEquals(Status.OK, atJoiner.last());
    assertEqualReplicas();
    assertEquals(0, joiner.store.chunk(0).blocks[5][0]);
  }

  @Test
  void aFetchedBlockOlderThanAConcurrentWriteDoesNotOverwriteIt() {
    Client atSource = source.owner(1);
    Client atJoiner = joiner.owner(1);
    atSource.write(1, 0, 1);
    atJoiner.catchUp(Version.of(1, 1), 1);
    atJoiner.write(2, 0, 2);
    deliver();
    atSource.write(2, 0, 2);
    joiner.sync();
    assertEqualReplicas();
  }

  @Test
  void aJoinerIsNotCompleteBeforeTheWritesThatItFetched() {
    Client atSource = source.owner(1);
    Client atJoiner = joiner.owner(1);
    atSource.write(1, 0, 1);
    atSource.write(2, 1, 2);
    atJoiner.catchUp(Version.of(1, 1), 1);
    deliver();
    joiner.sync();
    assertTrue(joiner.store.chunk(0).syncing, "block 1 is of a write that has not arrived");
    atJoiner.write(2, 1, 2);
    joiner.sync();
    assertEqualReplicas();
  }

  @Test
  void aSourceThatIsBehindIsAskedAgain() {
    Client atSource = source.owner(1);
    Client atJoiner = joiner.owner(1);
    atJoiner.catchUp(Version.of(1, 1), 1);
    deliver();
    assertTrue(joiner.store.chunk(0).syncing);
    atSource.write(1, 0, 1);
    now = joiner.shard.nextDeadlineNanos();
    joiner.shard.onTimer(now);
    deliver();
    joiner.sync();
    assertEqualReplicas();
    assertEquals(Long.MAX_VALUE, joiner.shard.nextDeadlineNanos(), "an idle shard has no timer");
  }

  @Test
  void aSilentSourceFailsTheCatchUpAndANewAttemptSucceeds() {
    Client atSource = source.owner(1);
    Client atJoiner = joiner.owner(1);
    atSource.write(1, 0, 1);
    sourceCut = true;
    atJoiner.catchUp(Version.of(1, 1), 1);
    deliver();
    now = joiner.shard.nextDeadlineNanos();
    joiner.shard.onTimer(now);
    assertEquals(Status.SOURCE_FAILED, atJoiner.last());
    sourceCut = false;
    atJoiner.catchUp(Version.of(1, 1), 2);
    atJoiner.catchUp(Version.of(1, 1), 1);
    assertEquals(Status.STALE_ATTEMPT, atJoiner.last());
    deliver();
    joiner.sync();
    assertEqualReplicas();
  }

  @Test
  void aRottenBlockOfTheSourceIsNeverCopied() {
    Client atSource = source.owner(1);
    Client atJoiner = joiner.owner(1);
    atSource.write(1, 7, 1);
    source.store.rot(0, 7);
    atJoiner.catchUp(Version.of(1, 1), 1);
    deliver();
    assertEquals(Status.SOURCE_FAILED, atJoiner.last());
    assertEquals(0, joiner.store.chunk(0).versions[7]);
  }

  @Test
  void aJoinerThatLosesPowerIsStillSyncingAndCatchesUpAgain() {
    Client atSource = source.owner(1);
    Client atJoiner = joiner.owner(1);
    atSource.write(1, 0, 1);
    atJoiner.catchUp(Version.of(1, 1), 1);
    joiner.sync();
    deliver();
    joiner.store.losePower();
    joiner.start();
    Client again = joiner.client(5, 1000);
    again.bare(MessageType.OPEN);
    assertEquals(Reply.STATE_SYNCING, Reply.openState(again.reply(), 0));
    again.catchUp(Version.of(1, 1), 2);
    deliver();
    joiner.sync();
    assertEquals(Status.OK, again.last());
    assertEqualReplicas();
  }

  @Test
  void aShardThatBeganAnewHoldsAChunkForLostAndBringsItUpWhole() {
    Client atSource = source.owner(1);
    atSource.write(1, 7, 1);
    joiner.shard.beganAnew(new LostChunks(3, Map.of(VOLUME, 1L)));
    Client atJoiner = joiner.client(5, 1000);
    assertEquals(3, Reply.detail(atJoiner.reply(), 0));
    atJoiner.bare(MessageType.FENCE);
    joiner.sync();
    atJoiner.bare(MessageType.OPEN);
    assertEquals(Reply.STATE_LOST, Reply.openState(atJoiner.reply(), 0));
    assertEquals(1, Reply.openChunksLost(atJoiner.reply(), 0));
    atJoiner.write(1, 7, 1);
    assertEquals(Status.ABSENT, atJoiner.last());
    atJoiner.catchUp(Version.of(1, 1), 1);
    assertTrue(joiner.store.chunk(0).syncing, "from its first record on");
    deliver();
    joiner.sync();
    assertEquals(Status.OK, atJoiner.last());
    assertEqualReplicas();
  }

  @Test
  void aShardThatIsWithdrawnTakesNobodyUntilItComesBack() {
    Client owner = source.owner(1);
    source.shard.withdraw(true);
    assertFalse(owner.open);
    Client turned = new Client(source);
    source.shard.onLinkOpen(turned);
    assertFalse(turned.open);
    source.shard.withdraw(false);
    Client again = source.client(5, 1000);
    again.write(1, 7, 1);
    assertEquals(Status.OK, again.last());
  }

  @Test
  void aFullJournalPausesACatchUpUntilThereIsRoom() {
    Client atSource = source.owner(1);
    Client atJoiner = joiner.owner(1);
    for (int i = 1; i <= 40; i++) {
      atSource.write(i, i, i);
    }
    atJoiner.catchUp(Version.of(1, 40), 1);
    joiner.store.full = true;
    deliver();
    assertEquals(0, joiner.shard.counters().catchUpBlocks());
    joiner.store.full = false;
    joiner.shard.onRoom();
    deliver();
    joiner.sync();
    assertEqualReplicas();
  }

  @Test
  void theEndOfACatchUpWaitsForRoomInTheJournal() {
    source.owner(1);
    Client atJoiner = joiner.owner(1);
    atJoiner.write(1, 0, 1);
    atJoiner.catchUp(0, 1);
    joiner.store.full = true;
    deliver();
    assertTrue(joiner.store.chunk(0).syncing);
    joiner.store.full = false;
    joiner.shard.onRoom();
    assertFalse(joiner.store.chunk(0).syncing);
  }

  @Test
  void aNewFenceEndsTheCatchUpOfTheOldOwner() {
    Client atSource = source.owner(1);
    Client atJoiner = joiner.owner(1);
    atSource.write(1, 0, 1);
    atJoiner.catchUp(Version.of(1, 1), 1);
    joiner.client(6, 1);
    Client next = joiner.client(7, 1);
    next.generation = 2;
    next.bare(MessageType.FENCE);
    assertEquals(Status.STALE_GENERATION, atJoiner.last());
    deliver();
    assertTrue(joiner.store.chunk(0).syncing);
  }

  @Test
  void aVolumeThatGoesToTheTrashEndsItsCatchUpsBeforeAnotherBlockIsStored() {
    Client atSource = source.owner(1);
    Client atJoiner = joiner.owner(1);
    atSource.write(1, 0, 1);
    atJoiner.catchUp(Version.of(1, 1), 1);
    assertEquals(1, joiner.shard.catchUpCount());
    joiner.shard.onTrashed(VOLUME + 1);
    assertEquals(1, joiner.shard.catchUpCount());
    joiner.shard.onTrashed(VOLUME);
    assertEquals(0, joiner.shard.catchUpCount());
    assertEquals(Status.ABSENT, atJoiner.last());
    long end = joiner.store.appendedLsn();
    deliver();
    assertEquals(end, joiner.store.appendedLsn());
  }

  /** What the shard holds is asked about, and the answer is that it is all others'. */
  private Strays.Question allAreAskedAbout() {
    Strays.Question question = joiner.shard.strays().ask(10);
    assertEquals(List.of(new ChunkName(VOLUME, 0, 0)), question.chunks());
    return question;
  }

  @Test
  void aChunkThatIsNotTheNodesOwnAnyMoreIsGivenBackAndAbsentFromThenOn() {
    Client owner = joiner.owner(1);
    owner.write(1, 0, 1);
    Strays.Question question = allAreAskedAbout();
    joiner.shard.giveBack(question.number(), question.chunks());
    assertEquals(1, joiner.shard.counters().givenBack());
    owner.write(2, 0, 2);
    assertEquals(Status.ABSENT, owner.last());
    assertEquals(List.of(), joiner.shard.strays().ask(10).chunks());
  }

  @Test
  void aChunkThatWasOpenedSinceItWasAskedAboutStays() {
    Client owner = joiner.owner(1);
    owner.write(1, 0, 1);
    Strays.Question question = allAreAskedAbout();
    owner.bare(MessageType.OPEN);
    joiner.shard.giveBack(question.number(), question.chunks());
    assertEquals(0, joiner.shard.counters().givenBack());
    Strays.Question round = joiner.shard.strays().ask(10);
    assertEquals(List.of(), round.chunks(), "the round is over");
    question = allAreAskedAbout();
    joiner.shard.giveBack(question.number(), question.chunks());
    assertEquals(1, joiner.shard.counters().givenBack());
  }

  @Test
  void anAnswerThatComesAfterTheNextQuestionCountsForNothing() {
    joiner.owner(1).write(1, 0, 1);
    Strays.Question lost = allAreAskedAbout();
    Strays.Question again = allAreAskedAbout();
    joiner.shard.giveBack(lost.number(), lost.chunks());
    assertEquals(0, joiner.shard.counters().givenBack());
    joiner.shard.giveBack(again.number(), List.of());
    joiner.shard.giveBack(again.number(), again.chunks());
    assertEquals(0, joiner.shard.counters().givenBack());
  }

  @Test
  void whatFindsNoRoomInTheJournalIsAskedAboutAgain() {
    joiner.owner(1).write(1, 0, 1);
    Strays.Question question = allAreAskedAbout();
    joiner.store.full = true;
    joiner.shard.giveBack(question.number(), question.chunks());
    assertEquals(0, joiner.shard.counters().givenBack());
    joiner.store.full = false;
    question = allAreAskedAbout();
    joiner.shard.giveBack(question.number(), question.chunks());
    assertEquals(1, joiner.shard.counters().givenBack());
  }

  @Test
  void aCatchUpIntoAChunkThatIsGivenBackEndsBeforeAnotherBlockIsStored() {
    Client atSource = source.owner(1);
    Client atJoiner = joiner.owner(1);
    atSource.write(1, 0, 1);
    atJoiner.catchUp(Version.of(1, 1), 1);
    Strays.Question question = allAreAskedAbout();
    joiner.shard.giveBack(question.number(), question.chunks());
    assertEquals(0, joiner.shard.catchUpCount());
    assertEquals(Status.ABSENT, atJoiner.last());
    long end = joiner.store.appendedLsn();
    deliver();
    assertEquals(end, joiner.store.appendedLsn());
  }

  @Test
  void aChunkThatIsStillOnItsWayOutIsNotCreatedAnew() {
    Client owner = joiner.owner(1);
    joiner.sync();
    Strays.Question question = allAreAskedAbout();
    joiner.shard.giveBack(question.number(), question.chunks());
    owner.create();
    assertEquals(Status.NO_SPACE, owner.last());
    joiner.sync();
    owner.create();
    assertEquals(Status.OK, owner.last());
  }

  @Test
  void aSourceThatSendsGarbageFailsTheCatchUpAndThrowsNothing() {
    Client atSource = source.owner(1);
    Client atJoiner = joiner.owner(1);
    sourceGarbage = new Random(7);
    for (int attempt = 1; attempt <= 2000; attempt++) {
      atSource.write(attempt, attempt % BLOCKS, attempt);
      atJoiner.catchUp(Version.of(1, attempt), attempt);
      deliver();
      now = Math.max(now, joiner.shard.nextDeadlineNanos() - 1);
    }
    assertTrue(joiner.shard.counters().catchUpFailures() > 100);
  }

  @Test
  void tenThousandGarbageFramesEndTheirLinkAtMostAndLeakNothing() {
    Random random = new Random(20261121);
    source.owner(1);
    byte[] bytes = new byte[128];
    for (int i = 0; i < 10_000; i++) {
      Client client = source.client(1000 + i, 1);
      random.nextBytes(bytes);
      UnsafeBuffer frame = new UnsafeBuffer(bytes);
      int length = 32 + 8 * random.nextInt(13);
      int payloadLength = random.nextInt(4) == 0 ? Frame.BLOCK_BYTES : 0;
      Frame.begin(frame, 0, random.nextInt(14), random.nextInt(16), i, 0);
      if (random.nextBoolean() && length >= 72) {
        // Past the identity checks: garbage in the operation's own fields only.
        request.bare(frame, 0, MessageType.OPEN, i, source.id, VOLUME, 0, 0, 1);
        Frame.begin(frame, 0, random.nextInt(14), random.nextInt(16), i, 0);
      }
      Frame.seal(frame, 0, length, payloadLength, crc);
      HeapPayload payload = payloadLength == 0 ? null : HeapPayload.of(new byte[Frame.BLOCK_BYTES]);
      source.shard.onFrame(client, frame, 0, length, payload, now);
      if (payload != null) {
        payload.release();
        payloads.add(payload);
      }
      source.shard.onLinkClosed(client);
    }
    assertTrue(source.shard.counters().badFrames() > 1000);
    assertNoPayloadLeaked();
  }
}
