/**
 * How clients of the gateway's protocols get in: listening sockets, and who is let in when many
 * want to. Knows no protocol. Start reading at {@code ClientListener}.
 */
package io.cairn.client.listener;
