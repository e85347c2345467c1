/**
 * The cluster as people and programs are shown it: {@code ClusterJson} is what the operator's verbs
 * print with {@code -o json} and what the console asks for, {@code Health} its condition in a word.
 */
package io.cairn.metadata.view;
