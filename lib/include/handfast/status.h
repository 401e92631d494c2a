/* Status codes of every Handfast call.
 *
 * One must-check enum for the whole house. Three families:
 *   local faults       0x000..0x0ff   something on our side; no peer is to blame
 *   alert to send      0x100 + n      the peer broke a rule; alert n (RFC 5246 section 7.2,
 *                                     RFC 8446 section 6) is what it gets
 *   alert received     0x200 + n      the peer sent the fatal alert n
 * So the alert that goes on the wire derives from the status, and nothing else.
 */
#ifndef HANDFAST_STATUS_H
#define HANDFAST_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HF_API __attribute__((visibility("default")))
#define HF_MUST_CHECK __attribute__((warn_unused_result))
#else
#define HF_API
#define HF_MUST_CHECK
#endif

/* AlertDescription, RFC 5246 section 7.2, RFC 8446 section 6, RFC 7301, RFC 7507. */
typedef enum hf_alert {
    HF_ALERT_CLOSE_NOTIFY = 0,
    HF_ALERT_UNEXPECTED_MESSAGE = 10,
    HF_ALERT_BAD_RECORD_MAC = 20,
    HF_ALERT_RECORD_OVERFLOW = 22,
    HF_ALERT_HANDSHAKE_FAILURE = 40,
    HF_ALERT_BAD_CERTIFICATE = 42,
    HF_ALERT_UNSUPPORTED_CERTIFICATE = 43,
    HF_ALERT_CERTIFICATE_REVOKED = 44,
    HF_ALERT_CERTIFICATE_EXPIRED = 45,
    HF_ALERT_CERTIFICATE_UNKNOWN = 46,
    HF_ALERT_ILLEGAL_PARAMETER = 47,
    HF_ALERT_UNKNOWN_CA = 48,
    HF_ALERT_ACCESS_DENIED = 49,
    HF_ALERT_DECODE_ERROR = 50,
    HF_ALERT_DECRYPT_ERROR = 51,
    HF_ALERT_PROTOCOL_VERSION = 70,
    HF_ALERT_INSUFFICIENT_SECURITY = 71,
    HF_ALERT_INTERNAL_ERROR = 80,
    HF_ALERT_INAPPROPRIATE_FALLBACK = 86,
    HF_ALERT_USER_CANCELED = 90,
    HF_ALERT_NO_RENEGOTIATION = 100,
    HF_ALERT_MISSING_EXTENSION = 109,
    HF_ALERT_UNSUPPORTED_EXTENSION = 110,
    HF_ALERT_UNRECOGNIZED_NAME = 112,
    HF_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE = 113,
    HF_ALERT_UNKNOWN_PSK_IDENTITY = 115,
    HF_ALERT_CERTIFICATE_REQUIRED = 116,
    HF_ALERT_NO_APPLICATION_PROTOCOL = 120
} hf_alert;

typedef enum hf_status {
    HF_OK = 0,

    /* Local faults. */
    HF_ERR_NO_MEMORY = 1,   /* the allocator answered NULL */
    HF_ERR_RANDOM = 2,      /* the random generator failed */
    HF_ERR_INVALID = 3,     /* an argument is outside its documented range (caller's bug or bad configuration) */
    HF_ERR_STATE = 4,       /* the call is not allowed in this state */
    HF_ERR_UNSUPPORTED = 5, /* algorithm, version or CPU feature not available here */
    HF_ERR_LIMIT = 6,       /* a named limit was reached */
    HF_ERR_BUFFER = 7,      /* the output room is too small; nothing was written */
    HF_ERR_CRYPTO = 8,      /* a cryptographic library failed unexpectedly */
    HF_ERR_SELF_TEST = 9,   /* a known-answer test failed: the algorithm must not be used */
    HF_ERR_VERIFY = 10,    /* a tag, signature or key share is wrong (providers say this; the engine picks the alert) */
    HF_ERR_DECODE = 11,    /* bytes that do not parse (a file, a certificate) */
    HF_ERR_TRUNCATED = 12, /* the transport ended without close_notify */
    HF_ERR_CLOSED = 13,    /* the connection is closed */
    HF_ERR_STALE = 14,     /* a key operation that the connection no longer waits for */
    HF_ERR_TIMEOUT = 15,   /* a deadline passed */
    HF_ERR_CANCELED = 16,  /* the owner gave the operation up */
    HF_ERR_IO = 17,        /* a file or descriptor failed */
    HF_ERR_NOT_FOUND = 18, /* nothing matches */
    HF_ERR_AMBIGUOUS = 19, /* several match where one must */

    /* Token faults (hsm). */
    HF_ERR_MODULE = 32,        /* the PKCS#11 module cannot be loaded or initialised */
    HF_ERR_TOKEN_ABSENT = 33,  /* no such token, or it went away */
    HF_ERR_TOKEN = 34,         /* the token answered with an error of its own */
    HF_ERR_PIN_INCORRECT = 35, /* CKR_PIN_INCORRECT: never tried again by itself */
    HF_ERR_PIN_LOCKED = 36,    /* CKR_PIN_LOCKED, or one try left and not risked */
    HF_ERR_PIN_SOURCE = 37,    /* the PIN source is missing, unreadable or too open */
    HF_ERR_KEY_UNSAFE = 38,    /* the key is extractable or not sensitive */
    HF_ERR_KEY_MISMATCH = 39,  /* the key does not belong to the certificate */
    HF_ERR_KEY_UNUSABLE = 40,  /* the token offers no mechanism for this key */
    HF_ERR_BUSY = 41,          /* the queue for the key is full */

    HF_STATUS_SEND_ALERT = 0x100,
    HF_STATUS_GOT_ALERT = 0x200,
    HF_STATUS_MAX = 0x2ff
} hf_status;

/* The status that sends `alert`, and the status of having received `alert`. */
#define HF_SEND(alert) ((hf_status)(HF_STATUS_SEND_ALERT + (alert)))
#define HF_GOT(alert) ((hf_status)(HF_STATUS_GOT_ALERT + (alert)))

static inline bool hf_status_is_send(hf_status s)
{
    return (unsigned)s >= HF_STATUS_SEND_ALERT && (unsigned)s < HF_STATUS_GOT_ALERT;
}

static inline bool hf_status_is_got(hf_status s)
{
    return (unsigned)s >= HF_STATUS_GOT_ALERT && (unsigned)s <= HF_STATUS_MAX;
}

/* A short English phrase for `status`, static storage, never NULL, any thread. */
HF_API const char *hf_status_text(hf_status status);

/* The name of an alert as the RFCs write it ("bad_record_mac"); "unknown_alert" for other numbers. */
HF_API const char *hf_alert_name(unsigned alert);

#ifdef __cplusplus
}
#endif

#endif
