package io.cairn.client.volume;

import io.cairn.metadata.command.Command;
import io.cairn.metadata.command.Reply;
import io.cairn.metadata.command.Submission;

/**
 * A change of records that the owner proposes, one at a time: submitted until it is known what
 * became of it. An owner that missed that a replica was added or moved would never bring it up, and
 * one that took a change for made that was not would count on it.
 *
 * <pre>
 * NONE --submit--> SENT --answer--> NONE
 * SENT --no answer--> UNANSWERED --goesOn, the same submission--> SENT
 * SENT --refused, and it had been sent before--> FORGOTTEN --goesOn, all records are read--> READING
 * READING --read--> NONE        READING --no answer--> FORGOTTEN
 * </pre>
 */
final class Proposal {
  private enum State {
    /** Nothing is proposed. */
    NONE,
    /** The metadata has been asked. */
    SENT,
    /** It did not answer: the change may have been made, or may still be. */
    UNANSWERED,
    /**
     * It refused to say what became of it. It will not be made any more if it was not yet, so the
     * records tell.
     */
    FORGOTTEN,
    /** They are being read. */
    READING
  }

  private final VolumeSession session;
  private State state = State.NONE;
  private Submission submission;
  private MetadataCalls.Answer answered;

  Proposal(VolumeSession session) {
    this.session = session;
  }

  /** Whether it is not known what became of the last one. */
  boolean isUnsure() {
    return state != State.NONE;
  }

  /** Whether the metadata has not said what became of the last one, though it was asked. */
  boolean isUnanswered() {
    return state == State.UNANSWERED || state == State.FORGOTTEN;
  }

  /**
   * Asks again what became of the last one.
   *
   * @return whether there is one whose outcome is not known: then nothing else may be proposed.
   */
  boolean goesOn() {
    switch (state) {
      case UNANSWERED -> send();
      case FORGOTTEN -> {
        state = State.READING;
        session.ownership.mapAgain(
            (reply, now) -> on(reply == null ? State.FORGOTTEN : State.NONE, reply, now));
      }
      case NONE, SENT, READING -> {}
    }
    return state != State.NONE;
  }

  /**
   * Proposes a change; none may be under way.
   *
   * @param heard hears what the metadata says each time, null when it does not answer, and {@link
   *     Reply.Chunks} when only the records could tell, which are adopted then; not once the
   *     session is over.
   */
  void submit(Command command, MetadataCalls.Answer heard) {
    submission = new Submission(command);
    answered = heard;
    send();
  }

  private void send() {
    state = State.SENT;
    session.metadata.submit(
        submission,
        (reply, now) -> {
          boolean isForgotten =
              submission.isRepeated()
                  && reply instanceof Reply.Refused refused
                  && refused.code() == Reply.ErrorCode.INVALID;
          if (isForgotten) {
            on(State.FORGOTTEN, null, now);
          } else {
            on(reply == null ? State.UNANSWERED : State.NONE, reply, now);
          }
        });
  }

  private void on(State next, Reply reply, long nowNanos) {
    state = next;
    if (!session.isOver()) {
      answered.on(reply, nowNanos);
    }
  }
}
