package io.cairn.metadata.model;

/** When a write is acknowledged. */
public enum Durability {
  /** When all in-sync replicas hold it; a flush makes it durable. */
  FLUSH,
  /** When all in-sync replicas hold it durably. */
  ALWAYS
}
