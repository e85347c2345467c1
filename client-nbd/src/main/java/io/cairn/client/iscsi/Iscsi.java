package io.cairn.client.iscsi;

/** Numbers of RFC 7143, section 11 unless another is named. */
public final class Iscsi {
  /** NOP-Out, 11.18. */
  public static final int NOP_OUT = 0x00;

  /** SCSI Command, 11.3. */
  public static final int SCSI_COMMAND = 0x01;

  /** Task Management Function Request, 11.5. */
  public static final int TASK_MANAGEMENT = 0x02;

  /** Login Request, 11.12. */
  public static final int LOGIN_REQUEST = 0x03;

  /** Text Request, 11.10. */
  public static final int TEXT_REQUEST = 0x04;

  /** SCSI Data-Out, 11.7. */
  public static final int DATA_OUT = 0x05;

  /** Logout Request, 11.14. */
  public static final int LOGOUT_REQUEST = 0x06;

  /** SNACK Request, 11.16; of no use at error recovery level 0. */
  public static final int SNACK_REQUEST = 0x10;

  /** NOP-In, 11.19. */
  public static final int NOP_IN = 0x20;

  /** SCSI Response, 11.4. */
  public static final int SCSI_RESPONSE = 0x21;

  /** Task Management Function Response, 11.6. */
  public static final int TASK_MANAGEMENT_RESPONSE = 0x22;

  /** Login Response, 11.13. */
  public static final int LOGIN_RESPONSE = 0x23;

  /** Text Response, 11.11. */
  public static final int TEXT_RESPONSE = 0x24;

  /** SCSI Data-In, 11.7. */
  public static final int DATA_IN = 0x25;

  /** Logout Response, 11.15. */
  public static final int LOGOUT_RESPONSE = 0x26;

  /** Ready To Transfer, 11.8. */
  public static final int R2T = 0x31;

  /** Asynchronous Message, 11.9. */
  public static final int ASYNC_MESSAGE = 0x32;

  /** Reject, 11.17. */
  public static final int REJECT = 0x3f;

  /** The tag that names no task, 11.2.1.8. */
  public static final int RESERVED_TAG = 0xffffffff;

  /** The F bit, or T in login PDUs. */
  public static final int FLAG_FINAL = 0x80;

  /** The C bit of text and login PDUs. */
  public static final int FLAG_CONTINUE = 0x40;

  /** R of a SCSI command: data comes in. */
  public static final int FLAG_READ = 0x40;

  /** W of a SCSI command: data goes out. */
  public static final int FLAG_WRITE = 0x20;

  /** O, residual overflow, 11.4.5. */
  public static final int FLAG_OVERFLOW = 0x04;

  /** U, residual underflow, 11.4.5. */
  public static final int FLAG_UNDERFLOW = 0x02;

  /** S of Data-In: the status is in it, 11.7.3. */
  public static final int FLAG_STATUS = 0x01;

  /** Login stage SecurityNegotiation, 11.12.3. */
  public static final int STAGE_SECURITY = 0;

  /** Login stage LoginOperationalNegotiation, 11.12.3. */
  public static final int STAGE_OPERATIONAL = 1;

  /** FullFeaturePhase, 11.12.3. */
  public static final int STAGE_FULL_FEATURE = 3;

  /** Login status class and detail, 11.13.5: success. */
  public static final int LOGIN_SUCCESS = 0x0000;

  /** Initiator error. */
  public static final int LOGIN_INITIATOR_ERROR = 0x0200;

  /** Authentication failure. */
  public static final int LOGIN_AUTHENTICATION_FAILURE = 0x0201;

  /** Authorization failure. */
  public static final int LOGIN_AUTHORIZATION_FAILURE = 0x0202;

  /** Not found. */
  public static final int LOGIN_NOT_FOUND = 0x0203;

  /** Unsupported version. */
  public static final int LOGIN_UNSUPPORTED_VERSION = 0x0205;

  /** Missing parameter. */
  public static final int LOGIN_MISSING_PARAMETER = 0x0207;

  /** The session type is not supported. */
  public static final int LOGIN_SESSION_TYPE = 0x0209;

  /** The session does not exist: connections are not added to one. */
  public static final int LOGIN_NO_SUCH_SESSION = 0x020a;

  /** Invalid request type during login. */
  public static final int LOGIN_INVALID_REQUEST = 0x020b;

  /** Service unavailable. */
  public static final int LOGIN_SERVICE_UNAVAILABLE = 0x0301;

  /** Out of resources. */
  public static final int LOGIN_OUT_OF_RESOURCES = 0x0302;

  /** Reject reason: protocol error, 11.17.1. */
  public static final int REJECT_PROTOCOL_ERROR = 0x04;

  /** Reject reason: command not supported. */
  public static final int REJECT_NOT_SUPPORTED = 0x05;

  /** Reject reason: invalid PDU field. */
  public static final int REJECT_INVALID_FIELD = 0x09;

  /** Async event: the target requests logout, 11.9.1. */
  public static final int ASYNC_REQUESTS_LOGOUT = 1;

  /** ABORT TASK, 11.5.1. */
  public static final int ABORT_TASK = 1;

  /** ABORT TASK SET. */
  public static final int ABORT_TASK_SET = 2;

  /** CLEAR TASK SET. */
  public static final int CLEAR_TASK_SET = 4;

  /** LOGICAL UNIT RESET. */
  public static final int LOGICAL_UNIT_RESET = 5;

  /** TARGET WARM RESET. */
  public static final int TARGET_WARM_RESET = 6;

  /** TARGET COLD RESET. */
  public static final int TARGET_COLD_RESET = 7;

  /** Function complete, 11.6.1. */
  public static final int FUNCTION_COMPLETE = 0;

  /** Task does not exist. */
  public static final int TASK_DOES_NOT_EXIST = 1;

  /** LUN does not exist. */
  public static final int LUN_DOES_NOT_EXIST = 2;

  /** Task management function not supported. */
  public static final int FUNCTION_NOT_SUPPORTED = 5;

  /** Bytes of text in one PDU during login, where no other bound was declared, 13.12. */
  public static final int DATA_SEGMENT_BYTES_DEFAULT = 8192;

  private Iscsi() {}
}
