package io.cairn.client.dev;

import io.cairn.metadata.options.Address;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/**
 * Asks an NBD server, as any client would, whether an export serves: greeting, NBD_OPT_GO, a read
 * of its first block, disconnect (NBD protocol, fixed newstyle negotiation and simple replies).
 */
final class ExportProbe {
  private static final long NBDMAGIC = 0x4e42444d41474943L;
  private static final long IHAVEOPT = 0x49484156454F5054L;
  private static final long OPTION_REPLY_MAGIC = 0x3e889045565a9L;
  private static final int REQUEST_MAGIC = 0x25609513;
  private static final int SIMPLE_REPLY_MAGIC = 0x67446698;
  private static final int FLAGS_FIXED_NEWSTYLE_NO_ZEROES = 3;
  private static final int OPT_GO = 7;
  private static final int REP_ACK = 1;
  private static final int REP_INFO = 3;
  private static final short CMD_READ = 0;
  private static final short CMD_DISC = 2;
  private static final long HANDLE = 0x636169726eL;
  private static final int REPLY_BYTES_MAX = 64 * 1024;
  private static final int READ_BYTES = 4096;

  private ExportProbe() {}

  /**
   * Opens the export, reads, and leaves again.
   *
   * @param timeoutMillis how long each step may take; a gateway lets clients wait while the cluster
   *     mends itself.
   * @return null when it serves, otherwise the reason for people.
   */
  static String refusal(Address server, String export, int timeoutMillis) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(server.host(), server.port()), timeoutMillis);
      socket.setSoTimeout(timeoutMillis);
      DataInputStream in = new DataInputStream(socket.getInputStream());
      DataOutputStream out = new DataOutputStream(socket.getOutputStream());
      if (in.readLong() != NBDMAGIC || in.readLong() != IHAVEOPT) {
        return server + " does not speak NBD";
      }
      in.readShort();
      String refusal = open(in, out, export);
      return refusal != null ? refusal : read(in, out);
    } catch (EOFException e) {
      return "the gateway at " + server + " closed the connection";
    } catch (IOException e) {
      return "the gateway at " + server + ": " + e.getMessage();
    }
  }

  private static String open(DataInputStream in, DataOutputStream out, String export)
      throws IOException {
    byte[] name = export.getBytes(StandardCharsets.UTF_8);
    out.writeInt(FLAGS_FIXED_NEWSTYLE_NO_ZEROES);
    out.writeLong(IHAVEOPT);
    out.writeInt(OPT_GO);
    out.writeInt(4 + name.length + 2);
    out.writeInt(name.length);
    out.write(name);
    out.writeShort(0);
    out.flush();
    while (true) {
      if (in.readLong() != OPTION_REPLY_MAGIC) {
        return "the gateway broke the NBD handshake";
      }
      in.readInt();
      int type = in.readInt();
      int length = in.readInt();
      if (length < 0 || length > REPLY_BYTES_MAX) {
        return "the gateway sent an option's reply of " + length + " bytes";
      }
      byte[] data = in.readNBytes(length);
      if (type == REP_ACK) {
        return null;
      }
      if (type != REP_INFO) {
        return "export " + export + ": " + new String(data, StandardCharsets.UTF_8);
      }
    }
  }

  private static String read(DataInputStream in, DataOutputStream out) throws IOException {
    request(out, CMD_READ, READ_BYTES);
    if (in.readInt() != SIMPLE_REPLY_MAGIC) {
      return "the gateway broke the NBD transmission";
    }
    int error = in.readInt();
    if (in.readLong() != HANDLE) {
      return "the gateway answered another request";
    }
    if (error != 0) {
      return "the first read failed with NBD error " + error;
    }
    in.readNBytes(READ_BYTES);
    request(out, CMD_DISC, 0);
    return null;
  }

  private static void request(DataOutputStream out, short command, int length) throws IOException {
    out.writeInt(REQUEST_MAGIC);
    out.writeShort(0);
    out.writeShort(command);
    out.writeLong(HANDLE);
    out.writeLong(0);
    out.writeInt(length);
    out.flush();
  }
}
