package io.cairn.metadata.ratis;

import java.util.function.BooleanSupplier;
import org.apache.ratis.proto.RaftProtos.RequestVoteRequestProto;
import org.apache.ratis.thirdparty.io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import org.apache.ratis.thirdparty.io.grpc.Metadata;
import org.apache.ratis.thirdparty.io.grpc.ServerCall;
import org.apache.ratis.thirdparty.io.grpc.ServerCallHandler;
import org.apache.ratis.thirdparty.io.grpc.ServerInterceptor;
import org.apache.ratis.thirdparty.io.grpc.Status;

/**
 * A server without any log gives no vote to one that has a log. Raft lets it, as a server forgets
 * nothing there; but one whose files are gone may have acknowledged what the candidate lacks, and a
 * cluster that begins has candidates without log.
 */
final class NoVoteWithoutLog implements ServerInterceptor {
  private final BooleanSupplier hasLog;

  /**
   * For one server.
   *
   * @param hasLog whether there is any entry or snapshot; any thread.
   */
  NoVoteWithoutLog(BooleanSupplier hasLog) {
    this.hasLog = hasLog;
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    return new SimpleForwardingServerCallListener<>(next.startCall(call, headers)) {
      private boolean refused;

      @Override
      public void onMessage(Q message) {
        if (message instanceof RequestVoteRequestProto asked
            && asked.hasCandidateLastEntry()
            && asked.getCandidateLastEntry().getIndex() >= 0
            && !hasLog.getAsBoolean()) {
          refused = true;
          call.close(
              Status.UNAVAILABLE.withDescription("has no log yet, and may have had one"),
              new Metadata());
        } else {
          super.onMessage(message);
        }
      }

      @Override
      public void onHalfClose() {
        if (!refused) {
          super.onHalfClose();
        }
      }
    };
  }
}
