/* Codecs of the extensions that resume a session; rows of the table in extensions.c. */
#ifndef HF_EXTENSIONS_PSK_H
#define HF_EXTENSIONS_PSK_H

#include "extensions.h"

/* session_ticket, RFC 5077 section 3.2. */
hf_status hf_session_ticket_parse(hf_reader *r, hf_hello_kind kind, hf_extensions *out) HF_MUST_CHECK;
void hf_session_ticket_write(hf_writer *w, hf_hello_kind kind, const hf_extensions *in);

/* psk_key_exchange_modes, RFC 8446 section 4.2.9. */
hf_status hf_psk_modes_parse(hf_reader *r, hf_hello_kind kind, hf_extensions *out) HF_MUST_CHECK;
void hf_psk_modes_write(hf_writer *w, hf_hello_kind kind, const hf_extensions *in);

/* pre_shared_key, RFC 8446 section 4.2.11. Binders that are not as many as the identities: illegal_parameter. */
hf_status hf_pre_shared_key_parse(hf_reader *r, hf_hello_kind kind, hf_extensions *out) HF_MUST_CHECK;
void hf_pre_shared_key_write(hf_writer *w, hf_hello_kind kind, const hf_extensions *in);

/* One identity off the list of identities; false: the list is at its end. */
bool hf_psk_identity_next(hf_reader *identities, hf_slice *out_identity, uint32_t *out_age);
/* The i-th binder, empty when there are not so many. */
hf_slice hf_psk_binder_at(hf_slice binders, size_t i);

#endif
