/**
 * The operator's HTTP surface of every role: metrics, liveness, readiness. Start reading at {@code
 * OperationsServer}. Imports Netty and Micrometer, nothing of Cairn but {@code options}.
 */
package io.cairn.metadata.http;
