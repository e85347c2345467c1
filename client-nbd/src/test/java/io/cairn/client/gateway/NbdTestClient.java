package io.cairn.client.gateway;

import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A client that asks for one thing at a time. */
final class NbdTestClient implements AutoCloseable {
  private static final long OPTION_MAGIC = 0x49484156454f5054L;
  private final Socket socket;
  private final DataInputStream in;
  private final DataOutputStream out;
  String refusal;
  long sizeBytes;

  NbdTestClient(int port) throws IOException {
    socket = new Socket("127.0.0.1", port);
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(60_000);
    in = new DataInputStream(socket.getInputStream());
    out = new DataOutputStream(new BufferedOutputStream(socket.getOutputStream()));
    in.readNBytes(18);
    out.writeInt(3);
  }

  /** Opens an export; the option's last reply, 1 when it was granted. */
  int go(String name) throws IOException {
    option(7, name(name));
    return answers(7, new ArrayList<>());
  }

  int info(String name) throws IOException {
    option(6, name(name));
    return answers(6, new ArrayList<>());
  }

  List<String> list() throws IOException {
    option(3, new byte[0]);
    List<byte[]> data = new ArrayList<>();
    answers(3, data);
    return data.stream()
        .map(bytes -> new String(bytes, 4, bytes.length - 4, StandardCharsets.UTF_8))
        .toList();
  }

  private static byte[] name(String name) {
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(6 + bytes.length)
        .putInt(bytes.length)
        .put(bytes)
        .putShort((short) 0)
        .array();
  }

  private void option(int option, byte[] data) throws IOException {
    out.writeLong(OPTION_MAGIC);
    out.writeInt(option);
    out.writeInt(data.length);
    out.write(data);
    out.flush();
  }

  private int answers(int option, List<byte[]> datas) throws IOException {
    while (true) {
      in.readLong();
      if (in.readInt() != option) {
        throw new IOException("the answer is to another option");
      }
      int type = in.readInt();
      byte[] data = in.readNBytes(in.readInt());
      if (type == 3 && ByteBuffer.wrap(data).getShort() == 0) {
        sizeBytes = ByteBuffer.wrap(data).getLong(2);
      }
      if (type != 2 && type != 3) {
        refusal = new String(data, StandardCharsets.UTF_8);
        return type;
      }
      datas.add(data);
    }
  }

  int write(long offset, byte[] bytes) throws IOException {
    send(1, offset, bytes.length, bytes);
    return answer();
  }

  int flush() throws IOException {
    send(3, 0, 0, null);
    return answer();
  }

  byte[] read(long offset, int length) throws IOException {
    send(0, offset, length, null);
    int error = answer();
    if (error != 0) {
      throw new IOException("error " + error);
    }
    return in.readNBytes(length);
  }

  private void send(int type, long offset, int length, byte[] payload) throws IOException {
    out.writeInt(0x25609513);
    out.writeShort(0);
    out.writeShort(type);
    out.writeLong(7);
    out.writeLong(offset);
    out.writeInt(length);
    if (payload != null) {
      out.write(payload);
    }
    out.flush();
  }

  private int answer() throws IOException {
    if (in.readInt() != 0x67446698) {
      throw new IOException("not a reply");
    }
    int error = in.readInt();
    in.readLong();
    return error;
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
