package io.cairn.bench.chaos;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;

/**
 * An iSCSI initiator with one session and one command at a time, which says what it is told to and
 * hears every answer as it came: RFC 7143. Not thread-safe.
 */
public final class IscsiClient implements Closeable {
  private static final int HEADER_BYTES = 48;
  private static final int SCSI_COMMAND = 0x01;
  private static final int LOGIN_REQUEST = 0x43;
  private static final int SCSI_RESPONSE = 0x21;
  private static final int LOGIN_RESPONSE = 0x23;
  private static final int DATA_IN = 0x25;
  private static final int NOP_IN = 0x20;
  private static final int CHECK_CONDITION = 0x02;
  private static final int BUSY = 0x08;
  private static final int UNIT_ATTENTION = 0x06;
  private static final int NOT_ACCESSIBLE = 0x0204;

  /** Bytes that one command can write: they go with it as immediate data. */
  public static final int WRITE_BYTES_MAX = 64 << 10;

  /**
   * How a command ended.
   *
   * @param status of SAM-5.
   * @param sense key and code, as in 0x020401; 0 without sense data.
   * @param data what it read.
   */
  public record Answer(int status, int sense, byte[] data) {
    /** Whether it ended with GOOD. */
    public boolean isGood() {
      return status == 0;
    }

    /** Whether it was not run because the unit had something to tell: it is to be sent again. */
    public boolean isUnitAttention() {
      return sense >>> 16 == UNIT_ATTENTION;
    }

    /** Whether it was not run because the unit is not ready here now; another path may be. */
    public boolean isNotReady() {
      return sense >>> 8 == NOT_ACCESSIBLE || status == BUSY;
    }

    /** Status and sense, for people. */
    public String text() {
      return String.format("status %02x, sense %06x", status, sense);
    }
  }

  private final Socket socket = new Socket();
  private final DataInputStream in;
  private final OutputStream out;
  private int cmdSn = 1;
  private int tag;

  /**
   * Logs in.
   *
   * @param isid the last 32 of its bits; with the name it makes the initiator port.
   * @param limit for each wait.
   * @throws IOException when the login is refused, with its status, or the socket fails.
   */
  public IscsiClient(
      InetSocketAddress portal, String initiator, int isid, String target, Duration limit)
      throws IOException {
    try {
      socket.connect(portal, Math.toIntExact(limit.toMillis()));
      socket.setSoTimeout(Math.toIntExact(limit.toMillis()));
      socket.setTcpNoDelay(true);
      in = new DataInputStream(socket.getInputStream());
      out = socket.getOutputStream();
      String text =
          String.join(
              "\0",
              "InitiatorName=" + initiator,
              "TargetName=" + target,
              "SessionType=Normal",
              "InitialR2T=No",
              "ImmediateData=Yes",
              "FirstBurstLength=" + WRITE_BYTES_MAX,
              "MaxRecvDataSegmentLength=262144",
              "");
      // Operational stage to full feature phase; an ISID of the random format.
      ByteBuffer header = header(LOGIN_REQUEST, 0x87).put(8, (byte) 0x80);
      header.putInt(10, isid).putInt(24, cmdSn);
      send(header, text.getBytes(UTF_8));
      Pdu answer = receive();
      int status = answer.header.getShort(36) & 0xffff;
      if (answer.opcode() != LOGIN_RESPONSE || status != 0) {
        throw new IOException(
            String.format("%s: login to %s ended with status %04x", portal, target, status));
      }
    } catch (IOException | RuntimeException e) {
      socket.close();
      throw e;
    }
  }

  private record Pdu(ByteBuffer header, byte[] data) {
    int opcode() {
      return header.get(0) & 0x3f;
    }
  }

  private static ByteBuffer header(int opcode, int flags) {
    return ByteBuffer.allocate(HEADER_BYTES).put(0, (byte) opcode).put(1, (byte) flags);
  }

  private void send(ByteBuffer header, byte[] data) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(HEADER_BYTES + (data.length + 3) / 4 * 4);
    bytes.put(header.array()).put(data).putInt(4, data.length);
    out.write(bytes.array());
  }

  private Pdu receive() throws IOException {
    byte[] header = new byte[HEADER_BYTES];
    in.readFully(header);
    int length = ByteBuffer.wrap(header).getInt(4) & 0xffffff;
    byte[] data = new byte[(length + 3) / 4 * 4];
    in.readFully(data);
    return new Pdu(ByteBuffer.wrap(header), Arrays.copyOf(data, length));
  }

  /**
   * Runs a command on LUN 0.
   *
   * @param written what it writes, at most {@link #WRITE_BYTES_MAX}.
   * @param readBytes what it may read.
   * @throws IOException when the session ended: whether the command was run is not known.
   */
  public Answer run(byte[] cdb, byte[] written, int readBytes) throws IOException {
    int direction = written.length > 0 ? 0x20 : readBytes > 0 ? 0x40 : 0;
    ByteBuffer header = header(SCSI_COMMAND, 0x80 | direction);
    header.putInt(16, ++tag).putInt(20, Math.max(written.length, readBytes)).putInt(24, cmdSn++);
    header.position(32).put(cdb);
    send(header, written);
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    while (true) {
      Pdu pdu = receive();
      switch (pdu.opcode()) {
        case DATA_IN -> {
          data.writeBytes(pdu.data);
          if ((pdu.header.get(1) & 1) != 0) {
            return new Answer(pdu.header.get(3) & 0xff, 0, data.toByteArray());
          }
        }
        case SCSI_RESPONSE -> {
          int status = pdu.header.get(3) & 0xff;
          return new Answer(
              status, status == CHECK_CONDITION ? sense(pdu.data) : 0, data.toByteArray());
        }
        case NOP_IN -> answerPing(pdu);
        default -> throw new IOException("a PDU with the opcode " + pdu.opcode());
      }
    }
  }

  /** Sense data behind its length, in fixed or descriptor format. */
  private static int sense(byte[] data) {
    boolean descriptor = (data[2] & 0x7f) >= 0x72;
    int key = data[descriptor ? 3 : 4] & 0x0f;
    int code = ByteBuffer.wrap(data).getShort(descriptor ? 4 : 14) & 0xffff;
    return key << 16 | code;
  }

  private void answerPing(Pdu ping) throws IOException {
    ByteBuffer header = header(0x40, 0x80).putInt(16, -1);
    header.putInt(20, ping.header.getInt(20)).putInt(24, cmdSn);
    send(header, new byte[0]);
  }

  /** TEST UNIT READY. */
  public Answer testUnitReady() throws IOException {
    return run(new byte[6], new byte[0], 0);
  }

  /** READ(16), in blocks of 512 bytes. */
  public Answer read(long block, int bytes) throws IOException {
    return run(cdb16(0x88, block, bytes), new byte[0], bytes);
  }

  /** WRITE(16), in blocks of 512 bytes. */
  public Answer write(long block, byte[] data) throws IOException {
    return write(block, data, false);
  }

  /** The same, with FUA if wanted. */
  Answer write(long block, byte[] data, boolean forceUnitAccess) throws IOException {
    byte[] cdb = cdb16(0x8a, block, data.length);
    cdb[1] = (byte) (forceUnitAccess ? 0x08 : 0);
    return run(cdb, data, 0);
  }

  /** SYNCHRONIZE CACHE(10) of everything. */
  Answer synchronizeCache() throws IOException {
    return run(new byte[] {0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0}, new byte[0], 0);
  }

  /** READ CAPACITY(16). */
  long capacityBytes() throws IOException {
    byte[] cdb = {(byte) 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0};
    Answer answer = run(cdb, new byte[0], 32);
    if (!answer.isGood() || answer.data().length < 12) {
      throw new IOException("the capacity cannot be read");
    }
    ByteBuffer capacity = ByteBuffer.wrap(answer.data());
    return (capacity.getLong() + 1) * capacity.getInt();
  }

  /** From now on an answer may take as long as it likes. */
  void waitForever() throws IOException {
    socket.setSoTimeout(0);
  }

  private static byte[] cdb16(int operationCode, long block, int bytes) {
    ByteBuffer cdb = ByteBuffer.allocate(16).put((byte) operationCode);
    return cdb.putLong(2, block).putInt(10, bytes / 512).array();
  }

  /** REPORT TARGET PORT GROUPS. */
  public Answer targetPortGroups() throws IOException {
    byte[] cdb = {(byte) 0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0};
    return run(cdb, new byte[0], 1024);
  }

  /** NAA identifier of the unit, which comes first in the page of device identification. */
  public long naa() throws IOException {
    return ByteBuffer.wrap(run(new byte[] {0x12, 1, (byte) 0x83, 1, 0, 0}, new byte[0], 256).data)
        .getLong(8);
  }

  /**
   * EXTENDED COPY of one segment from this unit to another, in blocks of 512 bytes.
   *
   * @param toNaa the other unit's.
   */
  public Answer copy(long fromBlock, long toNaa, long toBlock, int blocks) throws IOException {
    ByteBuffer list = ByteBuffer.allocate(16 + 2 * 32 + 28);
    list.putShort(2, (short) 64).putInt(8, 28);
    long[] ends = {naa(), toNaa};
    for (int i = 0; i < 2; i++) {
      int at = 16 + 32 * i;
      list.put(at, (byte) 0xe4).put(at + 4, (byte) 1).put(at + 5, (byte) 3).put(at + 7, (byte) 8);
      list.putLong(at + 8, ends[i]).putInt(at + 28, 512);
    }
    list.put(80, (byte) 2).putShort(82, (short) 24).putShort(86, (short) 1);
    list.putShort(90, (short) blocks).putLong(92, fromBlock).putLong(100, toBlock);
    byte[] cdb = ByteBuffer.allocate(16).put((byte) 0x83).putInt(10, list.capacity()).array();
    return run(cdb, list.array(), 0);
  }

  /** PERSISTENT RESERVE IN. */
  public Answer reserveIn(int serviceAction) throws IOException {
    byte[] cdb = {0x5e, (byte) serviceAction, 0, 0, 0, 0, 0, 8, 0, 0};
    return run(cdb, new byte[0], 2048);
  }

  /** PERSISTENT RESERVE OUT with APTPL. */
  public Answer reserveOut(int serviceAction, int type, long key, long actionKey)
      throws IOException {
    byte[] cdb = {0x5f, (byte) serviceAction, (byte) type, 0, 0, 0, 0, 0, 24, 0};
    byte[] list = ByteBuffer.allocate(24).putLong(key).putLong(actionKey).put(20, (byte) 1).array();
    return run(cdb, list, 0);
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
