package io.cairn.bench.chaos;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.Serial;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * An NBD client of our own, so that a run knows exactly what was acknowledged when a server died.
 * It shares no code with the server that it tries. Simple replies, many requests in flight.
 *
 * <p>Threads: any may send; answers complete on the thread that reads the socket.
 */
public final class NbdClient implements BlockClient {
  /** ESHUTDOWN: the server will not serve this export any more. */
  static final int SHUTTING_DOWN = 108;

  private static final long MAGIC = 0x4e42444d41474943L;
  private static final long OPTION_MAGIC = 0x49484156454f5054L;
  private static final long OPTION_REPLY_MAGIC = 0x0003e889045565a9L;
  private static final int REQUEST_MAGIC = 0x25609513;
  private static final int REPLY_MAGIC = 0x67446698;
  private static final int OPTION_GO = 7;
  private static final int REPLY_ACK = 1;
  private static final int REPLY_INFO = 3;
  private static final int REPLY_ERROR_BIT = 0x80000000;
  private static final int INFO_EXPORT = 0;
  private static final int FIXED_NEWSTYLE_NO_ZEROES = 3;
  private static final int READ = 0;
  private static final int WRITE = 1;
  private static final int DISCONNECT = 2;
  private static final int FLUSH = 3;
  private static final int FLAG_FUA = 1;
  private static final int CONNECT_MILLIS = 5_000;
  private static final int OPTION_REPLY_MAX_BYTES = 64 * 1024;

  /** The server answered a request with an error. */
  public static final class Refusal extends IOException {
    @Serial private static final long serialVersionUID = 1L;

    /** The number of the protocol, such as 5 for EIO. */
    private final int errno;

    Refusal(String text, int errno) {
      super(text);
      this.errno = errno;
    }

    /** The number of the protocol, such as 5 for EIO. */
    public int errno() {
      return errno;
    }
  }

  private record Pending(int readBytes, CompletableFuture<byte[]> answer) {}

  private final Socket socket;
  private final DataInputStream in;
  private final long sizeBytes;
  private final Map<Long, Pending> pending = new HashMap<>();
  private long lastCookie;
  private IOException broken;

  private NbdClient(Socket socket, DataInputStream in, long sizeBytes) {
    this.socket = socket;
    this.in = in;
    this.sizeBytes = sizeBytes;
  }

  /** Connects to an export on this machine. */
  public static NbdClient connect(int port, String export) throws IOException {
    return connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), export);
  }

  /** Connects to an export. */
  public static NbdClient connect(InetSocketAddress server, String export) throws IOException {
    Socket socket = new Socket();
    try {
      socket.setTcpNoDelay(true);
      socket.connect(server, CONNECT_MILLIS);
      // A handshake with a half dead server ends; a request of a served volume may wait for ever.
      socket.setSoTimeout(CONNECT_MILLIS);
      DataInputStream in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
      long sizeBytes = negotiate(socket, in, export);
      socket.setSoTimeout(0);
      NbdClient client = new NbdClient(socket, in, sizeBytes);
      Thread.ofPlatform().daemon().name("nbd-client-" + export).start(client::receive);
      return client;
    } catch (IOException e) {
      socket.close();
      throw e;
    }
  }

  private static long negotiate(Socket socket, DataInputStream in, String export)
      throws IOException {
    expect(in.readLong() == MAGIC && in.readLong() == OPTION_MAGIC, "not an NBD server");
    in.readUnsignedShort();
    byte[] name = export.getBytes(StandardCharsets.UTF_8);
    ByteBuffer go = ByteBuffer.allocate(4 + 16 + 6 + name.length);
    go.putInt(FIXED_NEWSTYLE_NO_ZEROES).putLong(OPTION_MAGIC).putInt(OPTION_GO);
    go.putInt(6 + name.length).putInt(name.length).put(name).putShort((short) 0);
    socket.getOutputStream().write(go.array());
    long sizeBytes = -1;
    while (true) {
      expect(in.readLong() == OPTION_REPLY_MAGIC, "bad option reply");
      expect(in.readInt() == OPTION_GO, "a reply to another option");
      int type = in.readInt();
      int length = in.readInt();
      expect(length >= 0 && length <= OPTION_REPLY_MAX_BYTES, "an option reply of " + length);
      byte[] data = in.readNBytes(length);
      if (type == REPLY_ACK) {
        expect(sizeBytes >= 0, "the server told no size");
        return sizeBytes;
      }
      if ((type & REPLY_ERROR_BIT) != 0) {
        throw new Refusal(
            "export " + export + " refused: " + new String(data, StandardCharsets.UTF_8), type);
      }
      ByteBuffer info = ByteBuffer.wrap(data);
      if (type == REPLY_INFO && info.getShort() == INFO_EXPORT) {
        sizeBytes = info.getLong();
      }
    }
  }

  private static void expect(boolean condition, String otherwise) throws IOException {
    if (!condition) {
      throw new IOException(otherwise);
    }
  }

  /** Throws when the connection has broken. */
  synchronized void checkAlive() {
    if (broken != null) {
      throw new ChaosFailure("an idle connection broke: " + broken.getMessage(), broken);
    }
  }

  @Override
  public long sizeBytes() {
    return sizeBytes;
  }

  @Override
  public CompletableFuture<byte[]> write(long offset, byte[] data, boolean forceUnitAccess) {
    return send(WRITE, forceUnitAccess ? FLAG_FUA : 0, offset, data.length, data);
  }

  @Override
  public CompletableFuture<byte[]> read(long offset, int length) {
    return send(READ, 0, offset, length, null);
  }

  @Override
  public CompletableFuture<byte[]> flush() {
    return send(FLUSH, 0, 0, 0, null);
  }

  private CompletableFuture<byte[]> send(
      int command, int flags, long offset, int length, byte[] data) {
    CompletableFuture<byte[]> answer = new CompletableFuture<>();
    ByteBuffer request = ByteBuffer.allocate(28 + (data == null ? 0 : data.length));
    synchronized (this) {
      if (broken != null) {
        answer.completeExceptionally(broken);
        return answer;
      }
      long cookie = ++lastCookie;
      request.putInt(REQUEST_MAGIC).putShort((short) flags).putShort((short) command);
      request.putLong(cookie).putLong(offset).putInt(length);
      if (data != null) {
        request.put(data);
      }
      pending.put(cookie, new Pending(command == READ ? length : 0, answer));
    }
    try {
      synchronized (socket) {
        socket.getOutputStream().write(request.array());
      }
    } catch (IOException e) {
      breakOff(e);
    }
    return answer;
  }

  private void receive() {
    try {
      while (true) {
        expect(in.readInt() == REPLY_MAGIC, "bad reply");
        int errno = in.readInt();
        long cookie = in.readLong();
        Pending request;
        synchronized (this) {
          request = pending.remove(cookie);
        }
        expect(request != null, "a reply to no request");
        if (errno != 0) {
          request.answer().completeExceptionally(new Refusal("error " + errno, errno));
          continue;
        }
        byte[] data = in.readNBytes(request.readBytes());
        if (data.length != request.readBytes()) {
          request.answer().completeExceptionally(new EOFException("the connection ended"));
          throw new EOFException("the connection ended");
        }
        request.answer().complete(data);
      }
    } catch (IOException e) {
      breakOff(e);
    }
  }

  private void breakOff(IOException cause) {
    List<Pending> lost;
    synchronized (this) {
      if (broken == null) {
        broken = cause;
      }
      lost = new ArrayList<>(pending.values());
      pending.clear();
    }
    try {
      socket.close();
    } catch (IOException e) {
      cause.addSuppressed(e);
    }
    lost.forEach(request -> request.answer().completeExceptionally(cause));
  }

  @Override
  public void abandon() {
    breakOff(new IOException("abandoned"));
  }

  /** Says goodbye; what is in flight fails. */
  @Override
  public void close() {
    try {
      synchronized (socket) {
        socket
            .getOutputStream()
            .write(
                ByteBuffer.allocate(28)
                    .putInt(REQUEST_MAGIC)
                    .putShort((short) 0)
                    .putShort((short) DISCONNECT)
                    .array());
      }
    } catch (IOException e) {
      breakOff(e);
      return;
    }
    breakOff(new IOException("closed"));
  }
}
