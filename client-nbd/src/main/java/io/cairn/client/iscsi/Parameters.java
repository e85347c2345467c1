package io.cairn.client.iscsi;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The operational parameters of a session and their negotiation, section 13; each begins with the
 * default of the standard. The initiator offers, we answer; the result functions stand in the one
 * switch.
 */
public final class Parameters {
  /** What we receive in one data segment: what we declare as MaxRecvDataSegmentLength. */
  public static final int RECEIVE_BYTES_MAX = 256 << 10;

  private static final int BURST_BYTES_MAX = 1 << 20;
  private static final int SEGMENT_BYTES_MIN = 512;
  private static final int LENGTH_BYTES_MAX = 0xffffff;
  private static final int SECONDS_MAX = 3600;
  private static final char[] HEX = "0123456789ABCDEFabcdef".toCharArray();

  private boolean headerDigest;
  private boolean dataDigest;
  private boolean initialR2t = true;
  private boolean immediateData = true;
  private int sendBytesMax = Iscsi.DATA_SEGMENT_BYTES_DEFAULT;
  private int maxBurstBytes = 262_144;
  private int firstBurstBytes = 65_536;
  private boolean receiveDeclared;

  /** HeaderDigest=CRC32C, 13.1. */
  public boolean headerDigest() {
    return headerDigest;
  }

  /** DataDigest=CRC32C, 13.1. */
  public boolean dataDigest() {
    return dataDigest;
  }

  /** InitialR2T, 13.10: data beyond the immediate comes only when asked for. */
  boolean initialR2t() {
    return initialR2t;
  }

  /** ImmediateData, 13.11. */
  boolean immediateData() {
    return immediateData;
  }

  /** The initiator's MaxRecvDataSegmentLength, 13.12. */
  int sendBytesMax() {
    return sendBytesMax;
  }

  /** MaxBurstLength, 13.13. */
  int maxBurstBytes() {
    return maxBurstBytes;
  }

  /** FirstBurstLength, 13.14. */
  int firstBurstBytes() {
    return Math.min(firstBurstBytes, maxBurstBytes);
  }

  /**
   * Answers the keys that are offered; those of other concerns must have been taken out.
   *
   * @param declare whether it is the stage in which we declare what we receive, if we did not yet.
   */
  Map<String, String> answer(Map<String, String> offered, boolean declare) {
    Map<String, String> answers = new LinkedHashMap<>();
    offered.forEach(
        (key, value) -> {
          String answer = answer(key, value);
          if (answer != null) {
            answers.put(key, answer);
          }
        });
    if (declare && !receiveDeclared) {
      receiveDeclared = true;
      answers.put("MaxRecvDataSegmentLength", Integer.toString(RECEIVE_BYTES_MAX));
    }
    return answers;
  }

  /** One key's answer, or null when it is declared and wants none. */
  private String answer(String key, String value) {
    switch (key) {
      case "HeaderDigest" -> {
        String chosen = digest(value);
        headerDigest = chosen.equals("CRC32C");
        return chosen;
      }
      case "DataDigest" -> {
        String chosen = digest(value);
        dataDigest = chosen.equals("CRC32C");
        return chosen;
      }
      case "InitialR2T" -> {
        // OR: the result is Yes when one says Yes; we would have No.
        Boolean offer = yesOrNo(value);
        if (offer == null) {
          return "Reject";
        }
        initialR2t = offer;
        return value;
      }
      case "ImmediateData" -> {
        Boolean offer = yesOrNo(value);
        if (offer == null) {
          return "Reject";
        }
        immediateData = offer;
        return value;
      }
      case "DataPDUInOrder", "DataSequenceInOrder" -> {
        // OR: we want order, at error recovery level 0 there is nothing else to have.
        return yesOrNo(value) == null ? "Reject" : "Yes";
      }
      case "MaxRecvDataSegmentLength" -> {
        int declared = number(value, SEGMENT_BYTES_MIN, LENGTH_BYTES_MAX);
        if (declared < 0) {
          return "Reject";
        }
        sendBytesMax = declared;
        return null;
      }
      case "MaxBurstLength" -> {
        int offer = number(value, SEGMENT_BYTES_MIN, LENGTH_BYTES_MAX);
        if (offer < 0) {
          return "Reject";
        }
        maxBurstBytes = Math.min(offer, BURST_BYTES_MAX);
        return Integer.toString(maxBurstBytes);
      }
      case "FirstBurstLength" -> {
        int offer = number(value, SEGMENT_BYTES_MIN, LENGTH_BYTES_MAX);
        if (offer < 0) {
          return "Reject";
        }
        firstBurstBytes = Math.min(offer, RECEIVE_BYTES_MAX);
        return Integer.toString(firstBurstBytes);
      }
      case "MaxConnections" -> {
        return number(value, 1, 65_535) < 0 ? "Reject" : "1";
      }
      case "MaxOutstandingR2T" -> {
        return number(value, 1, 65_535) < 0 ? "Reject" : "1";
      }
      case "ErrorRecoveryLevel" -> {
        return number(value, 0, 2) < 0 ? "Reject" : "0";
      }
      case "DefaultTime2Wait" -> {
        // The larger of both; ours is 2 seconds.
        int offer = number(value, 0, SECONDS_MAX);
        return offer < 0 ? "Reject" : Integer.toString(Math.max(offer, 2));
      }
      case "DefaultTime2Retain" -> {
        // The smaller of both; a session whose connection is gone is gone.
        return number(value, 0, SECONDS_MAX) < 0 ? "Reject" : "0";
      }
      case "TaskReporting" -> {
        return choose(value, "RFC3720");
      }
      case "iSCSIProtocolLevel" -> {
        // RFC 7144: level 1 is RFC 7143.
        return number(value, 0, 31) < 0 ? "Reject" : "1";
      }
      case "IFMarker", "OFMarker" -> {
        return "No";
      }
      case "IFMarkInt", "OFMarkInt" -> {
        return "Reject";
      }
      default -> {
        return "NotUnderstood";
      }
    }
  }

  private static String digest(String offered) {
    for (String one : offered.split(",", -1)) {
      if (one.equals("CRC32C") || one.equals("None")) {
        return one;
      }
    }
    return "Reject";
  }

  private static String choose(String offered, String wanted) {
    return List.of(offered.split(",", -1)).contains(wanted) ? wanted : "Reject";
  }

  private static Boolean yesOrNo(String value) {
    return switch (value) {
      case "Yes" -> Boolean.TRUE;
      case "No" -> Boolean.FALSE;
      default -> null;
    };
  }

  /** A number in decimal or hexadecimal, section 6.1, or -1 when out of bounds. */
  static int number(String text, int min, int max) {
    boolean hex = text.startsWith("0x") || text.startsWith("0X");
    String digits = hex ? text.substring(2) : text;
    if (digits.isEmpty() || digits.length() > 9 || !digits.chars().allMatch(Parameters::isHex)) {
      return -1;
    }
    try {
      long value = Long.parseLong(digits, hex ? 16 : 10);
      return value < min || value > max ? -1 : (int) value;
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  private static boolean isHex(int c) {
    return Arrays.binarySearch(HEX, (char) c) >= 0;
  }
}
