/**
 * The operator's HTTP surface of every role: metrics, liveness, readiness, and what a support
 * bundle has of it. Start reading at {@code OperationsServer}. Imports Netty, Micrometer and
 * Jackson, nothing of Cairn but {@code options} and {@code release}.
 */
package io.cairn.metadata.http;
