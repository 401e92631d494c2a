/* Hello extensions (RFC 5246 section 7.4.1.4): one struct, parsed from and written to a ClientHello or ServerHello.
 *
 * Pure: bytes to borrowed slices, no connection, no cryptography. `present` says which fields mean something;
 * an extension we do not know is ignored in a ClientHello and refused in a ServerHello (RFC 5246 7.4.1.4).
 */
#ifndef HF_EXTENSIONS_H
#define HF_EXTENSIONS_H

#include "handfast/handfast.h"
#include "reader.h"
#include "writer.h"

/* ExtensionType numbers, IANA. */
enum {
    HF_EXT_TYPE_SERVER_NAME = 0,                /* RFC 6066 section 3 */
    HF_EXT_TYPE_MAX_FRAGMENT_LENGTH = 1,        /* RFC 6066 section 4 */
    HF_EXT_TYPE_STATUS_REQUEST = 5,             /* RFC 6066 section 8 */
    HF_EXT_TYPE_SUPPORTED_GROUPS = 10,          /* RFC 8422 section 5.1.1 */
    HF_EXT_TYPE_EC_POINT_FORMATS = 11,          /* RFC 8422 section 5.1.2 */
    HF_EXT_TYPE_SIGNATURE_ALGORITHMS = 13,      /* RFC 5246 section 7.4.1.4.1 */
    HF_EXT_TYPE_ALPN = 16,                      /* RFC 7301 */
    HF_EXT_TYPE_PADDING = 21,                   /* RFC 7685 */
    HF_EXT_TYPE_ENCRYPT_THEN_MAC = 22,          /* RFC 7366 */
    HF_EXT_TYPE_EXTENDED_MASTER_SECRET = 23,    /* RFC 7627 */
    HF_EXT_TYPE_RECORD_SIZE_LIMIT = 28,         /* RFC 8449 */
    HF_EXT_TYPE_SESSION_TICKET = 35,            /* RFC 5077 section 3.2 */
    HF_EXT_TYPE_PRE_SHARED_KEY = 41,            /* RFC 8446 section 4.2.11 */
    HF_EXT_TYPE_EARLY_DATA = 42,                /* RFC 8446 section 4.2.10: declined */
    HF_EXT_TYPE_SUPPORTED_VERSIONS = 43,        /* RFC 8446 section 4.2.1 */
    HF_EXT_TYPE_COOKIE = 44,                    /* RFC 8446 section 4.2.2 */
    HF_EXT_TYPE_PSK_KEY_EXCHANGE_MODES = 45,    /* RFC 8446 section 4.2.9 */
    HF_EXT_TYPE_CERTIFICATE_AUTHORITIES = 47,   /* RFC 8446 section 4.2.4 */
    HF_EXT_TYPE_SIGNATURE_ALGORITHMS_CERT = 50, /* RFC 8446 section 4.2.3 */
    HF_EXT_TYPE_KEY_SHARE = 51,                 /* RFC 8446 section 4.2.8 */
    HF_EXT_TYPE_RENEGOTIATION_INFO = 0xff01     /* RFC 5746 */
};

/* Our own dense numbers: bit positions of hf_extensions.present. */
typedef enum hf_ext {
    HF_EXT_SERVER_NAME,
    HF_EXT_MAX_FRAGMENT_LENGTH,
    HF_EXT_SUPPORTED_GROUPS,
    HF_EXT_EC_POINT_FORMATS,
    HF_EXT_SIGNATURE_ALGORITHMS,
    HF_EXT_ALPN,
    HF_EXT_PADDING,
    HF_EXT_ENCRYPT_THEN_MAC,
    HF_EXT_EXTENDED_MASTER_SECRET,
    HF_EXT_RECORD_SIZE_LIMIT,
    HF_EXT_SUPPORTED_VERSIONS,
    HF_EXT_COOKIE,
    HF_EXT_CERTIFICATE_AUTHORITIES,
    HF_EXT_SIGNATURE_ALGORITHMS_CERT,
    HF_EXT_RENEGOTIATION_INFO,
    HF_EXT_KEY_SHARE,
    HF_EXT_STATUS_REQUEST,
    HF_EXT_SESSION_TICKET,
    HF_EXT_PSK_KEY_EXCHANGE_MODES,
    HF_EXT_EARLY_DATA,
    HF_EXT_PRE_SHARED_KEY,
    HF_EXT_COUNT
} hf_ext;

#define HF_EXT_BIT(ext) (UINT32_C(1) << (ext))

/* All slices are borrowed from the message (parsing) or from the caller (writing). */
typedef struct hf_extensions {
    uint32_t present; /* HF_EXT_BIT()s */
    bool has_block;   /* the extensions field itself is there (it may be absent: RFC 5246 7.4.1.2); writing: derived */
    hf_slice server_name;          /* ClientHello: the HostName bytes (1..255, no NUL inside); ServerHello: empty */
    uint8_t max_fragment_length;   /* the code as sent: 1..4 are the allowed ones (RFC 6066); any value parses */
    hf_slice supported_groups;     /* uint16 list, nonempty, even */
    hf_slice ec_point_formats;     /* bytes, nonempty */
    hf_slice signature_algorithms; /* uint16 list, nonempty, even */
    hf_slice signature_algorithms_cert; /* the same */
    hf_slice alpn;               /* ProtocolNameList without its length: (1-byte length, name)*, each name nonempty,
                                    at least one; in a ServerHello exactly one */
    size_t padding;              /* writing: how many zero bytes */
    uint16_t record_size_limit;  /* any value parses; < 64 is illegal_parameter (RFC 8449) */
    hf_slice supported_versions; /* ClientHello: uint16 list, nonempty; ServerHello: exactly one, 2 bytes */
    hf_slice renegotiation_info; /* renegotiated_connection */
    hf_slice cookie;             /* nonempty */
    hf_slice certificate_authorities; /* (2-byte length, DER name)*, nonempty, lengths checked */
    hf_slice
        key_shares; /* ClientHello: (group, 2-byte length, share)*, may be empty, lengths checked, each group once */
    uint16_t key_share_group; /* ServerHello, HelloRetryRequest */
    hf_slice key_share;       /* ServerHello: 1.. bytes */
    hf_slice ocsp_response;   /* CertificateEntry: nonempty */
    hf_slice session_ticket;  /* ClientHello: the ticket, or empty; ServerHello: empty */
    hf_slice psk_modes;       /* bytes, nonempty */
    hf_slice psk_identities;  /* ClientHello: (2-byte length, identity, 4-byte age)*, nonempty, lengths checked */
    hf_slice psk_binders;     /* ClientHello: (1-byte length, binder of 32..255)*, as many as identities */
    uint16_t psk_selected;    /* ServerHello */
} hf_extensions;

/* The messages that carry extensions. A ServerHello is parsed before its version is known: what TLS 1.3 does not allow
 * in it is the state machine's to refuse. */
typedef enum hf_hello_kind {
    HF_CLIENT_HELLO,
    HF_SERVER_HELLO,
    HF_HELLO_RETRY_REQUEST,   /* RFC 8446 section 4.1.4 */
    HF_ENCRYPTED_EXTENSIONS,  /* section 4.3.1 */
    HF_CERTIFICATE_REQUEST13, /* section 4.3.2 */
    HF_CERTIFICATE_ENTRY      /* section 4.4.2 */
} hf_hello_kind;

/* Parses the rest of a hello body (nothing, or one extensions vector that ends exactly at the reader's end).
 * HF_OK; HF_SEND(decode_error) for bad lengths, trailing bytes, more than HF_LIMIT_EXTENSIONS;
 * HF_SEND(illegal_parameter) for a duplicate extension (known or not), several names of one type, nonzero padding,
 * record_size_limit < 64; HF_SEND(unsupported_extension) for one that
 * may not stand in this message (ClientHello and CertificateRequest: what we do not know is ignored). *out is zeroed on
 * error. */
hf_status hf_extensions_parse(hf_reader *r, hf_hello_kind kind, hf_extensions *out) HF_MUST_CHECK;

/* The pre_shared_key of a ClientHello is always written last: its binders are the last bytes of the message. */
#define HF_PSK_BINDERS_SIZE(ext) (2 + (ext)->psk_binders.len)

/* Writes the extensions vector with every present extension, in a fixed order; writes nothing when none is present. */
void hf_extensions_write(hf_writer *w, hf_hello_kind kind, const hf_extensions *in);

#endif
