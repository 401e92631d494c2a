# The codecs: hello extensions and handshake messages. Paths relative to lib/.
set(HF_MSG_SOURCES
  src/extensions.c
  src/extensions_psk.c
  src/extensions_status.c
  src/msg_certificate_status.c
  src/msg_header.c
  src/msg_client_hello.c
  src/msg_server_hello.c
  src/msg_certificate.c
  src/msg_server_key_exchange.c
  src/msg_certificate_request.c
  src/msg_client_key_exchange.c
  src/msg_certificate_verify.c
  src/msg_finished.c
  src/msg_new_session_ticket.c
  src/msg13.c
)
