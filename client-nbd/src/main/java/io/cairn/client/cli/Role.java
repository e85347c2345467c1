package io.cairn.client.cli;

import io.cairn.client.gateway.Gateway;
import io.cairn.client.gateway.GatewayOptions;
import io.cairn.metadata.options.OptionSet;
import io.cairn.metadata.options.OptionValues;
import io.cairn.metadata.server.MetadataOptions;
import io.cairn.metadata.server.MetadataServer;
import io.cairn.storage.node.StorageNode;
import io.cairn.storage.node.StorageOptions;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;

/** The roles that a process of a cluster can have. */
public enum Role {
  /** A member of the metadata group. */
  METADATA("metadata") {
    @Override
    public OptionSet options() {
      return MetadataOptions.SET;
    }

    @Override
    public Server start(OptionValues values) throws IOException {
      MetadataServer server = MetadataServer.start(values);
      return new Server() {
        @Override
        public String failure() {
          return server.failure();
        }

        @Override
        public void close() throws IOException {
          server.close();
        }
      };
    }
  },

  /** A storage node. */
  STORAGE("storage") {
    @Override
    public OptionSet options() {
      return StorageOptions.SET;
    }

    @Override
    public Server start(OptionValues values) throws IOException {
      StorageNode node = StorageNode.start(values);
      CompletableFuture<Void> serving = node.serving().toCompletableFuture();
      return new Server() {
        @Override
        public String failure() {
          return serving.isCompletedExceptionally() ? serving.exceptionNow().getMessage() : null;
        }

        @Override
        public void close() {
          node.close();
        }
      };
    }
  },

  /** A gateway. */
  GATEWAY("gateway") {
    @Override
    public OptionSet options() {
      return GatewayOptions.SET;
    }

    @Override
    public Server start(OptionValues values) throws IOException {
      return Gateway.start(values)::close;
    }
  };

  private final String verb;

  Role(String verb) {
    this.verb = verb;
  }

  /** The sub-command that runs the role. */
  public String verb() {
    return verb;
  }

  /** The role's declared options. */
  public abstract OptionSet options();

  /**
   * Starts a server of the role. What concerns this machine alone is checked before this returns;
   * the server finds its cluster in the background.
   *
   * @throws io.cairn.metadata.options.OptionException for a value that only its use showed to be
   *     wrong.
   * @throws IOException with a line for people.
   */
  public abstract Server start(OptionValues values) throws IOException;

  /** A running server. */
  public interface Server extends AutoCloseable {
    /** Why the server will never serve, in one line, or null. */
    default String failure() {
      return null;
    }

    /** Stops cleanly. */
    @Override
    void close() throws IOException;
  }
}
