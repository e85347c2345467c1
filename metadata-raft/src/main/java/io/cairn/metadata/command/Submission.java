package io.cairn.metadata.command;

/**
 * One command that may be submitted again when it was not answered, and is the same command then.
 * The client gives it a number when it first goes out, and the metadata applies a number once. So
 * whichever copy comes first decides, late ones change nothing, and an answer is the last word.
 * That of another command with the same contents would not be: the first may come after it, when
 * what it was refused for is over.
 *
 * <p>Belongs to one client, and is handed to it again only after the answer.
 */
public final class Submission {
  private final Command command;
  private long number;
  private boolean isRepeated;

  /** A command that has not gone out yet. */
  public Submission(Command command) {
    this.command = command;
  }

  /** What is to be done. */
  public Command command() {
    return command;
  }

  /** The client's number of the command; 0 before it went out. */
  public long number() {
    return number;
  }

  /**
   * Whether the answer is the one of a command that went out before, which may be forgotten by now.
   */
  public boolean isRepeated() {
    return isRepeated;
  }

  /**
   * It goes out, under this number if it has none yet.
   *
   * @return the number that it has.
   */
  public long sent(long freshNumber) {
    isRepeated = number != 0;
    number = isRepeated ? number : freshNumber;
    return number;
  }
}
